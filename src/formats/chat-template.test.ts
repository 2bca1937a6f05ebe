import { expect, test } from "vitest";
import { MAX_TEMPLATE_CHARACTERS, renderChat } from "./chat-template.ts";

const chatml =
  "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nBe kind.<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

const codeOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return "no error";
};

test("a ChatML template, with and without the generation prompt", () => {
  const messages = [{ role: "user", content: "Hello {{ 7 * 7 }}" }];
  const text = "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHello {{ 7 * 7 }}<|im_end|>\n";
  expect(renderChat(chatml, messages)).toBe(text);
  expect(renderChat(chatml, messages, { addGenerationPrompt: true })).toBe(`${text}<|im_start|>assistant\n`);
});

test("a longer conversation extends the text of a shorter one", () => {
  const start = [{ role: "user", content: "a" }];
  const whole = renderChat(chatml, [...start, { role: "assistant", content: "b" }]);
  expect(whole.startsWith(renderChat(chatml, start, { addGenerationPrompt: true }))).toBe(true);
});

test("bos_token, eos_token, block whitespace, date and title-case constants", () => {
  const template =
    "{{ bos_token }}\n{% if True and none is none %}\n[{{ messages[0].content | trim }}]\n{% endif %}\n{{ eos_token }}{{ strftime_now('%d %b %Y') }}";
  expect(
    renderChat(template, [{ role: "user", content: "  x " }], {
      bosToken: "<s>",
      eosToken: "</s>",
      now: new Date(2026, 2, 9),
    }),
  ).toBe("<s>\n[x]\n</s>09 Mar 2026");
});

test("a template that raises says why", () => {
  expect(() => renderChat("{{ raise_exception('only user turns') }}", [])).toThrow(/only user turns/);
  expect(codeOf(() => renderChat("{{ raise_exception('x') }}", []))).toBe("CHAT_TEMPLATE_REFUSED");
});

test.each([
  ["{% for %}", "CHAT_TEMPLATE_INVALID"],
  ["{{ messages.nothing() }}", "CHAT_TEMPLATE_INVALID"],
  ["x".repeat(MAX_TEMPLATE_CHARACTERS + 1), "CHAT_TEMPLATE_LIMIT"],
  ["{% for i in range(1000000000) %}{% endfor %}", "CHAT_TEMPLATE_LIMIT"],
  ["{% for i in range(0, 9, 0) %}{% endfor %}", "CHAT_TEMPLATE_LIMIT"],
  [
    "{% for i in range(9999) %}{% for j in range(9999) %}{% for k in range(9999) %}{{ i }}{% endfor %}{% endfor %}{% endfor %}",
    "CHAT_TEMPLATE_LIMIT",
  ],
  [
    "{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}",
    "CHAT_TEMPLATE_LIMIT",
  ],
  [
    "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
    "CHAT_TEMPLATE_LIMIT",
  ],
  [`{{ ${"(".repeat(50_000)}1${")".repeat(50_000)} }}`, "CHAT_TEMPLATE_INVALID"],
  ["{{ messages | tojson(indent=500000000) | length }}", "CHAT_TEMPLATE_LIMIT"],
])("hostile or broken template %#", (template, code) => {
  expect(codeOf(() => renderChat(template, [{ role: "user", content: "x" }]))).toBe(code);
});
