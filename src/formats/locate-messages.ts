/**
 * Finds by position what a chat template made of the messages: which characters of the rendered conversation are whose words. The
 * conversation is rendered a second time with marks around the words; where taking the marks out gives the first text again, they
 * stand where the words do, whatever the template trims, moves or leaves out.
 */
import type { TemplateMessage } from "./chat-template.ts";

/** Characters of the text that are words of one message. */
export interface MessageRegion {
  /** Index of the message. */
  message: number;
  part: "content" | "reasoning";
  start: number;
  end: number;
  /** false: only the end is known, because the template took the beginning of the words elsewhere. */
  isWhole: boolean;
}

export interface LocatedMessages {
  text: string;
  /** By position. A message that the template leaves out, and one without words, has none. */
  regions: MessageRegion[];
}

/** @param isWanted which messages are to be found; a template that looks at the beginning of a message is not disturbed in the others. */
export function locateMessages(
  render: (messages: readonly TemplateMessage[]) => string,
  messages: readonly TemplateMessage[],
  isWanted: (index: number) => boolean = () => true,
): LocatedMessages {
  const text = render(messages);
  const [open, close] = unusedCharacters(text + messages.map(({ content, reasoning }) => content + reasoning).join(""));
  const mark = (inner: string) => `${open}${inner}${close}`;
  const wanted = messages.flatMap((message, index) => (isWanted(index) ? [message] : []));
  for (const side of trimSides(wanted)) {
    const wrap = (words: string, name: string): string => {
      if (words.trim() === "") return words;
      const start = side.left ? words.length - words.trimStart().length : 0;
      const end = side.right ? words.trimEnd().length : words.length;
      return words.slice(0, start) + mark(`${name}<`) + words.slice(start, end) + mark(`${name}>`) + words.slice(end);
    };
    const marked = tryRender(
      render,
      messages.map((message, index) =>
        isWanted(index)
          ? {
              ...message,
              content: wrap(message.content, `${index}c`),
              ...(message.reasoning !== undefined && { reasoning: wrap(message.reasoning, `${index}r`) }),
            }
          : message,
      ),
    );
    if (marked === undefined) continue;
    const located = takeMarksOut(marked, open, close);
    if (located.text === text) return located;
  }
  return { text, regions: searchRegions(text, messages, isWanted) };
}

/** Two private characters that stand nowhere in the text. */
function unusedCharacters(text: string): [string, string] {
  const found: string[] = [];
  for (let code = 0xe000; found.length < 2; code++) {
    const character = String.fromCodePoint(code);
    if (!text.includes(character)) found.push(character);
  }
  return [found[0]!, found[1]!];
}

/** On which sides the template may take white space away: marks then stand inside of it, so that it still does. */
function trimSides(messages: readonly TemplateMessage[]): { left: boolean; right: boolean }[] {
  const words = messages.flatMap(({ content, reasoning = "" }) => [content, reasoning]);
  const hasLeft = words.some((text) => text !== text.trimStart());
  const hasRight = words.some((text) => text !== text.trimEnd());
  return [
    { left: false, right: false },
    { left: true, right: false },
    { left: false, right: true },
    { left: true, right: true },
  ].filter(({ left, right }) => (hasLeft || !left) && (hasRight || !right));
}

/** A template may refuse what it would accept without marks. */
function tryRender(
  render: (messages: readonly TemplateMessage[]) => string,
  messages: readonly TemplateMessage[],
): string | undefined {
  try {
    return render(messages);
  } catch {
    return undefined;
  }
}

function takeMarksOut(marked: string, open: string, close: string): LocatedMessages {
  const regions: MessageRegion[] = [];
  const starts = new Map<string, number>();
  let text = "";
  // Every other part is what a mark says: `3c<` begins the content of message 3.
  for (const [index, part] of marked.split(new RegExp(`${open}(\\d+[cr][<>])${close}`)).entries()) {
    if (index % 2 === 0) {
      text += part;
      continue;
    }
    const name = part.slice(0, -1);
    if (part.endsWith("<")) {
      starts.set(name, text.length);
      continue;
    }
    const start = starts.get(name);
    regions.push({
      message: Number.parseInt(name, 10),
      part: name.endsWith("c") ? "content" : "reasoning",
      start: start ?? text.length,
      end: text.length,
      isWhole: start !== undefined,
    });
    starts.delete(name);
  }
  return { text, regions };
}

/** For templates that look into the words: the words themselves, from the last message backwards. */
function searchRegions(
  text: string,
  messages: readonly TemplateMessage[],
  isWanted: (index: number) => boolean,
): MessageRegion[] {
  const regions: MessageRegion[] = [];
  let before = text.length;
  for (let message = messages.length - 1; message >= 0; message--) {
    if (!isWanted(message)) continue;
    const { content, reasoning } = messages[message]!;
    for (const [part, words] of [
      ["content", content],
      ["reasoning", reasoning ?? ""],
    ] as const) {
      const found = [words, words.trim()]
        .filter((candidate) => candidate.trim() !== "" && candidate.length <= before)
        .map((candidate) => ({
          start: text.lastIndexOf(candidate, before - candidate.length),
          length: candidate.length,
        }))
        .find(({ start }) => start >= 0);
      if (found === undefined) continue;
      before = found.start;
      regions.unshift({ message, part, start: found.start, end: found.start + found.length, isWhole: true });
    }
  }
  return regions;
}
