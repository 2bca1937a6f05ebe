/** Where the words of messages stand in a rendered conversation, whatever the template does to them. */
import { describe, expect, test } from "vitest";
import { renderChat, type TemplateMessage } from "./chat-template.ts";
import { locateMessages } from "./locate-messages.ts";

const user = (content: string): TemplateMessage => ({ role: "user", content });
const assistant = (content: string, reasoning?: string): TemplateMessage => ({ role: "assistant", content, reasoning });

function locate(template: string, messages: TemplateMessage[], isWanted?: (index: number) => boolean) {
  const { text, regions } = locateMessages((list) => renderChat(template, list), messages, isWanted);
  return {
    text,
    words: regions.map(({ message, part, start, end }) => `${message} ${part}: ${text.slice(start, end)}`),
    regions,
  };
}
const each = (body: string) => `{% for m in messages %}${body}{% endfor %}`;

describe("templates that", () => {
  test("write words as they are", () => {
    const found = locate(each("[{{ m.role }}:{{ m.content }}]"), [user("[user:a]"), assistant("a")]);
    expect(found.text).toBe("[user:[user:a]][assistant:a]");
    expect(found.words).toEqual(["0 content: [user:a]", "1 content: a"]);
    expect(found.regions[1]).toMatchObject({ start: 26, end: 27, isWhole: true });
  });

  test.each([
    ["{{ m.content | trim }}", ["0 content: a b", "1 content: c"]],
    ["{{ m.content.lstrip() }}", ["0 content: a b \n", "1 content: c"]],
    ["{{ m.content.rstrip() }}", ["0 content: \n a b", "1 content: c"]],
    // White space that is kept in part counts as the template's.
    ["{{ m.content.strip('\\n') }}", ["0 content: a b", "1 content: c"]],
  ])("strip: %s", (body, words) => {
    const found = locate(each(`<${body}>`), [user("\n a b \n"), user("c")]);
    expect(found.words).toEqual(words);
    expect(found.text).toBe(renderChat(each(`<${body}>`), [user("\n a b \n"), user("c")]));
  });

  test("rewrite words", () => {
    expect(locate(each("{{ {'said': m.content} | tojson }}"), [user('a "b"\n')]).words).toEqual([
      '0 content: a \\"b\\"\\n',
    ]);
  });

  test("write thoughts before the answer, or leave them out", () => {
    const body = "{% if m.thinking %}({{ m.thinking }}){% endif %}{{ m.content }};";
    expect(locate(each(body), [assistant("a", "b"), assistant("b", "")]).words).toEqual([
      "0 reasoning: b",
      "0 content: a",
      "1 content: b",
    ]);
    expect(locate(each("{{ m.content }}"), [assistant("a", "a")]).words).toEqual(["0 content: a"]);
  });

  test("leave a role out", () => {
    expect(
      locate(each("{% if m.role != 'tool' %}{{ m.content }}{% endif %}"), [{ role: "tool", content: "a" }, user("a")])
        .words,
    ).toEqual(["1 content: a"]);
  });

  test("take words apart: their end is known, and that their beginning is not", () => {
    const found = locate(each("{{ m.content.split('</think>')[-1] }}."), [assistant("<think>x</think>yes")]);
    expect(found.regions).toEqual([{ message: 0, part: "content", start: 3, end: 3, isWhole: false }]);
  });

  test("look at the words: found by searching", () => {
    const body = "{% if m.content.startswith('tool') %}T{% else %}U{% endif %}:{{ m.content }};";
    const found = locate(each(body), [user("tool a"), user("a"), user("tool a")]);
    expect(found.text).toBe("T:tool a;U:a;T:tool a;");
    expect(found.words).toEqual(["0 content: tool a", "1 content: a", "2 content: tool a"]);
    expect(found.regions.map(({ start }) => start)).toEqual([2, 11, 15]);
  });

  test("refuse what the marks make of the words", () => {
    const body = "{% if m.content | length > 3 %}{{ raise_exception('long') }}{% endif %}{{ m.content }};";
    expect(locate(each(body), [user("abc")]).words).toEqual(["0 content: abc"]);
  });
});

test("words that hold the characters used as marks", () => {
  expect(locate(each("<{{ m.content }}>"), [user("\ue0000c<\ue001\ue0000c>\ue001"), user("b")]).words).toEqual([
    "0 content: \ue0000c<\ue001\ue0000c>\ue001",
    "1 content: b",
  ]);
});

test("only the wanted messages are disturbed", () => {
  const body = "{{ 'T' if m.content == 'a' else 'U' }}:{{ m.content }};";
  expect(locate(each(body), [user("a"), assistant("b")], (index) => index === 1).words).toEqual(["1 content: b"]);
  expect(locate(each(body), [user("  "), assistant("")]).words).toEqual([]);
});
