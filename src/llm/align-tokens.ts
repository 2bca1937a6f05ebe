/** Where each token of a tokenized text stands in that text, in bytes of UTF-8: exact, because a token stands for known bytes. */
import type { Token } from "node-llama-cpp";
import type { Vocabulary } from "./vocabulary.ts";

const SPACE = 0x20;

/**
 * Start and end of every token. A token that stands for nothing in the text (a begin token, a space that the tokenizer put in) is empty.
 * `undefined` where the tokens are not a spelling of the text.
 */
export function alignTokens(
  vocabulary: Vocabulary,
  tokens: readonly Token[],
  text: string,
): { start: number; end: number }[] | undefined {
  const bytes = new TextEncoder().encode(text);
  const standsAt = (piece: Uint8Array, at: number) =>
    at + piece.length <= bytes.length && piece.every((byte, i) => bytes[at + i] === byte);
  const ranges: { start: number; end: number }[] = [];
  let at = 0;
  for (const token of tokens) {
    const piece = vocabulary.bytesOf(token);
    const unspaced = piece[0] === SPACE ? piece.subarray(1) : piece;
    let start = at;
    // Some special tokens swallow the white space beside them.
    while (!standsAt(piece, start) && !standsAt(unspaced, start) && isSpace(bytes[start])) start += 1;
    const found = [piece, unspaced].find((candidate) => standsAt(candidate, start));
    if (found !== undefined) at = start + found.length;
    else if (!vocabulary.isSpecial(token)) return undefined;
    ranges.push(found === undefined ? { start: at, end: at } : { start, end: at });
  }
  return ranges;
}

function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}
