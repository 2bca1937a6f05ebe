/** How long a text is for a model. What has no tokenizer at hand is counted by `estimateTokens`, which says so. */

export interface TokenCounter {
  /** For messages: "tokens of smollm2-135m", "estimated tokens". */
  readonly unit: string;
  readonly isEstimate: boolean;
  /** Without the model's own marks at begin and end. */
  count(text: string): number | Promise<number>;
}

/**
 * About as many tokens as today's vocabularies of 30,000 to 150,000 entries make of a text, a little more rather than less: a short word is
 * one, a long one several; figures come in threes; signs and characters of scripts without spaces stand alone.
 */
export function estimateTokens(text: string): number {
  let tokens = 0;
  for (const [piece] of text.matchAll(
    /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[a-zA-Z]+|\p{L}+|\p{N}+|[^\s\p{L}\p{N}]+|\n+/gu,
  )) {
    if (/^[a-zA-Z]/.test(piece)) tokens += Math.ceil(piece.length / 7);
    else if (/^\p{L}/u.test(piece)) tokens += Math.ceil(piece.length / 3);
    else if (/^\p{N}/u.test(piece)) tokens += Math.ceil(piece.length / 2);
    else tokens += Math.ceil(piece.length / 2);
  }
  return tokens;
}

export const estimatingCounter: TokenCounter = { unit: "estimated tokens", isEstimate: true, count: estimateTokens };
