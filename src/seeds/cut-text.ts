/** Text that is too long for one piece -> parts that fit: sentences, lines, halves of what has neither. */
import { splitSentences } from "../util/sentences.ts";

export interface CutOptions {
  count: (text: string) => Promise<number>;
  /** Tokens of a piece. */
  budget: number;
}

export interface CutPiece {
  text: string;
  tokens: number;
}

export interface CutPart {
  text: string;
  /** What stands between it and the part before it. */
  joint: " " | "\n";
}

/** Sentences of a line, which keeps its indentation; those that are too long, in parts. */
export async function sentencesOf(text: string, options: CutOptions): Promise<string[]> {
  // A list item's marker is not the sentence's.
  const marker = /^\s*(?:(?:-|\d+\.|[a-zA-Z]\.|[ivxlcIVXLC]+\.) )?/.exec(text)![0];
  const sentences = splitSentences(text.slice(marker.length));
  if (sentences[0] !== undefined) sentences[0] = marker + sentences[0];
  return await fittingLines(sentences, options);
}

/** Lines that are too long for one piece, in parts. */
export async function fittingLines(parts: readonly string[], { count, budget }: CutOptions): Promise<string[]> {
  const result: string[] = [];
  for (const part of parts) for (const piece of await halve(part, count, Math.max(1, budget))) result.push(piece);
  return result;
}

/** Characters; texts of megabytes need not be counted to know that they are too long. */
const LONGEST_TOKEN = 100;

/** Between words near the middle, again and again until the parts fit; inside of a word only when it is too long on its own. */
async function halve(text: string, count: CutOptions["count"], room: number): Promise<string[]> {
  const mayFit = text.length <= room * LONGEST_TOKEN;
  if (text.length <= 1 || (mayFit && (await count(text)) <= room)) return [text];
  const middle = Math.floor(text.length / 2);
  const before = text.lastIndexOf(" ", middle);
  const after = text.indexOf(" ", middle);
  let at = after < 0 || (before > 0 && middle - before <= after - middle) ? before : after;
  const isBetweenWords = at > 0 && at < text.length - 1;
  // Not between the halves of one character.
  if (!isBetweenWords) at = /[\udc00-\udfff]/.test(text[middle]!) ? middle + 1 : middle;
  const [left, right] = [text.slice(0, at), text.slice(isBetweenWords ? at + 1 : at)];
  if (right === "") return [text];
  return [...(await halve(left.trimEnd(), count, room)), ...(await halve(right, count, room))];
}

/** As many lines together as fit with what `wrap` puts around them. */
export async function gather(
  lines: readonly string[],
  wrap: (text: string) => string,
  { count, budget }: CutOptions,
): Promise<CutPiece[]> {
  const around = await count(wrap(""));
  const lineBreak = Math.max(0, (await count("a\na")) - 2 * (await count("a")));
  const pieces: CutPiece[] = [];
  let open: string[] = [];
  let tokens = around;
  const close = async () => {
    const text = wrap(open.join("\n").replace(/^\n+|\n+$/g, ""));
    if (open.some((line) => line.trim() !== "")) pieces.push({ text, tokens: await count(text) });
    [open, tokens] = [[], around];
  };
  for (const line of await fittingLines(lines, { count, budget: budget - around - lineBreak })) {
    const lineTokens = (await count(line)) + lineBreak;
    if (tokens + lineTokens > budget) await close();
    open.push(line);
    tokens += lineTokens;
  }
  await close();
  return pieces;
}
