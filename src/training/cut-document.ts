/** Cuts a long document into sequences that the model can be trained on; every token but the first is still learned exactly once. */
import type { CountedTokens } from "../llm/tokenizer.ts";

/** Blocks of at most `maxTokens` (2 or more). Each begins with the last token of the one before, read but not learned again. */
export function cutDocument({ tokens, counted }: CountedTokens, maxTokens: number): CountedTokens[] {
  const blocks: CountedTokens[] = [];
  for (let start = 0; start === 0 || start < tokens.length - 1; start += maxTokens - 1) {
    const flags = counted.slice(start, start + maxTokens);
    flags[0] = 0;
    blocks.push({ tokens: tokens.slice(start, start + maxTokens), counted: flags });
  }
  return blocks;
}
