/** How long a text is for a model. What has no tokenizer at hand is counted by `estimateTokens`, which says so. */

export interface TokenCounter {
  /** Opens what counting needs, once; returns what is counted: "tokens", "estimated tokens". */
  prepare(): Promise<string>;
  /** Without the model's own marks at begin and end. */
  count(text: string): number | Promise<number>;
}

/**
 * About as many tokens as the vocabularies of small models make of a text, a little more rather than less: a short English word is one, a
 * long or foreign one several; figures, signs and characters of scripts without spaces stand alone.
 */
export function estimateTokens(text: string): number {
  let tokens = 0;
  for (const [piece] of text.matchAll(
    /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]+|\p{L}+|\p{N}+|[^\s\p{L}\p{N}]+|\n+/gu,
  )) {
    if (/^[a-z]+$/i.test(piece)) tokens += Math.ceil(piece.length / 6.5);
    else if (/^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u.test(piece))
      tokens += Math.ceil(piece.length * 1.5);
    else if (/^\p{L}/u.test(piece)) tokens += Math.ceil(piece.length / 2);
    else if (/^\p{N}/u.test(piece)) tokens += piece.length;
    else tokens += Math.ceil(piece.length / 2);
  }
  return tokens;
}

export const estimatingCounter: TokenCounter = { prepare: async () => "estimated tokens", count: estimateTokens };
