import { describe, expect, test } from "vitest";
import { CHAT_TEMPLATE_STYLES } from "../../test/helpers/chat-templates.ts";
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

/** Recorded from Python's jinja2 3.1.6 with the settings of the transformers library (`trim_blocks`, `lstrip_blocks`). */
const RENDERED_BY_PYTHON: Record<keyof typeof CHAT_TEMPLATE_STYLES, { asks: string; whole: string }> = {
  chatml: {
    asks: "<|im_start|>user\nA?<|im_end|>\n<|im_start|>assistant\n\n  One. <|im_end|>\n<|im_start|>user\n B?<|im_end|>\n<|im_start|>assistant\n",
    whole: "<|im_start|>user\nA?<|im_end|>\n<|im_start|>assistant\n\n  One. <|im_end|>\n",
  },
  llama2: { asks: "<s>[INST] A? [/INST] One. </s><s>[INST] B? [/INST]", whole: "<s>[INST] A? [/INST] One. </s>" },
  llama3: {
    asks: "<s><|start_header_id|>system<|end_header_id|>\n\nToday: 09 Mar 2026\n\n<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nA?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nOne.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nB?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
    whole:
      "<s><|start_header_id|>system<|end_header_id|>\n\nToday: 09 Mar 2026\n\n<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nA?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nOne.<|eot_id|>",
  },
  mistral: { asks: "<s>[INST] A?[/INST] One.</s>[INST]  B?[/INST]", whole: "<s>[INST] A?[/INST] One.</s>" },
  granite: {
    asks: "<|start_of_role|>system<|end_of_role|>Today is March 09, 2026.\nYou help.<|end_of_text|>\n<|start_of_role|>user<|end_of_role|>A?<|end_of_text|>\n<|start_of_role|>assistant<|end_of_role|>\n  One. <|end_of_text|>\n<|start_of_role|>user<|end_of_role|> B?<|end_of_text|>\n<|start_of_role|>assistant<|end_of_role|>",
    whole:
      "<|start_of_role|>system<|end_of_role|>Today is March 09, 2026.\nYou help.<|end_of_text|>\n<|start_of_role|>user<|end_of_role|>A?<|end_of_text|>\n<|start_of_role|>assistant<|end_of_role|>\n  One. <|end_of_text|>\n",
  },
  granite4: {
    asks: "<|start_of_role|>user<|end_of_role|>A?<|end_of_text|>\n<|start_of_role|>assistant<|end_of_role|>\n  One. <|end_of_text|>\n<|start_of_role|>user<|end_of_role|> B?<|end_of_text|>\n<|start_of_role|>assistant<|end_of_role|>",
    whole:
      "<|start_of_role|>user<|end_of_role|>A?<|end_of_text|>\n<|start_of_role|>assistant<|end_of_role|>\n  One. <|end_of_text|>\n",
  },
  qwen25: {
    asks: "<|im_start|>system\nYou are here to help.<|im_end|>\n<|im_start|>user\nA?<|im_end|>\n<|im_start|>assistant\n\n  One. <|im_end|>\n<|im_start|>user\n B?<|im_end|>\n<|im_start|>assistant\n",
    whole:
      "<|im_start|>system\nYou are here to help.<|im_end|>\n<|im_start|>user\nA?<|im_end|>\n<|im_start|>assistant\n\n  One. <|im_end|>\n",
  },
  qwen3: {
    asks: "<|im_start|>user\nA?<|im_end|>\n<|im_start|>assistant\n\n  One. <|im_end|>\n<|im_start|>user\n B?<|im_end|>\n<|im_start|>assistant\n",
    whole: "<|im_start|>user\nA?<|im_end|>\n<|im_start|>assistant\n<think>\n hm\n</think>\n\n  One. <|im_end|>\n",
  },
  gemma: {
    asks: "<s><start_of_turn>user\nA?<end_of_turn>\n<start_of_turn>model\nOne.<end_of_turn>\n<start_of_turn>user\nB?<end_of_turn>\n<start_of_turn>model\n",
    whole: "<s><start_of_turn>user\nA?<end_of_turn>\n<start_of_turn>model\nOne.<end_of_turn>\n",
  },
  merlinite: {
    asks: "<|user|>\nA?\n<|assistant|>\n\n  One. <|endoftext|>\n<|user|>\n B?\n<|assistant|>\n",
    whole: "<|user|>\nA?\n<|assistant|>\n\n  One. <|endoftext|>",
  },
  endless: {
    asks: "### user\nA?\n### assistant\n\n  One. \n### user\n B?\n### assistant\n",
    whole: "### user\nA?\n### assistant\n\n  One. \n",
  },
  openThought: {
    asks: "<|User|>A?<|Assistant|>\n  One. <|end_of_sentence|><|User|> B?<|Assistant|><think>\n",
    whole: "<|User|>A?<|Assistant|>\n  One. <|end_of_sentence|>",
  },
};

describe("templates of every shape give what Python's jinja2 gives", () => {
  const turns = [
    { role: "user", content: "A?" },
    { role: "assistant", content: "\n  One. ", reasoning: "\n hm\n" },
    { role: "user", content: " B?" },
  ];
  const options = { bosToken: "<s>", eosToken: "</s>", now: new Date(2026, 2, 9) };
  test.each(Object.entries(RENDERED_BY_PYTHON))("%s", (name, { asks, whole }) => {
    const { template } = CHAT_TEMPLATE_STYLES[name as keyof typeof CHAT_TEMPLATE_STYLES];
    expect(renderChat(template, turns, { ...options, addGenerationPrompt: true })).toBe(asks);
    expect(renderChat(template, turns.slice(0, 2), options)).toBe(whole);
  });

  test("characters to strip, tests by their other names, roles in turn", () => {
    const render = (template: string) => renderChat(template, turns, options);
    expect(
      render("{{ '  a '.strip(' ') }}|{{ '\n\n b\n'.lstrip('\n') }}|{{ 'xyx'.rstrip('x') }}|{{ 'abba'.strip('ab') }}|"),
    ).toBe("a| b\n|xy||");
    expect(render("{{ messages | selectattr('role', '==', 'user') | list | length }}")).toBe("2");
    expect(() => renderChat(CHAT_TEMPLATE_STYLES.gemma.template, turns.slice(1), options)).toThrow(/must take turns/);
  });
});
