/**
 * SentencePiece keeps a score per token, tokenizers a list of merges: every way to put a token together from two others, the highest
 * score first. Ways to make one token are ordered by their halves, so that the list does not depend on anything else.
 */
import { TokenType } from "./tokenizer-metadata.ts";

export function mergesFromScores(
  texts: readonly string[],
  types: readonly number[],
  scores: readonly number[],
): [string, string][] {
  const mergeable = (id: number) => types[id] === TokenType.normal || types[id] === TokenType.userDefined;
  const numbers = new Map<string, number>();
  for (const [id, text] of texts.entries()) if (mergeable(id)) numbers.set(text, id);
  // SentencePiece looks for tokens that a user defined (Gemma's runs of spaces) before it joins anything.
  const score = (id: number) => (types[id] === TokenType.userDefined ? Number.MAX_VALUE : scores[id]!);
  const order = [...numbers.values()].sort((a, b) => score(b) - score(a) || a - b);
  return order.flatMap((id) => {
    // Cuts between code points, never inside one.
    const characters = [...texts[id]!];
    const pairs: [string, string][] = [];
    for (let cut = 1; cut < characters.length; cut++) {
      const left = characters.slice(0, cut).join("");
      const right = characters.slice(cut).join("");
      if (numbers.has(left) && numbers.has(right)) pairs.push([left, right]);
    }
    return pairs.sort((a, b) => numbers.get(a[0])! - numbers.get(b[0])! || numbers.get(a[1])! - numbers.get(b[1])!);
  });
}
