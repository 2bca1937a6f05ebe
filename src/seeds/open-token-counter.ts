/** The tokenizer of whoever will read the pieces: of a model file, of a server that offers its own, or an estimate. */
import type { EndpointModelOptions } from "../llm/endpoint-model.ts";
import { estimateTokens, type TokenCounter } from "./token-counter.ts";

export type TokenizerSource = { modelFile: string } | { endpoint: EndpointModelOptions } | undefined;

/** `source` is asked for when the first document is there, so that nothing is loaded, or downloaded, for skills alone. */
export function openTokenCounter(
  source: () => Promise<TokenizerSource> | TokenizerSource,
): TokenCounter & AsyncDisposable {
  let opened: ReturnType<typeof open> | undefined;
  const known = new Map<string, number>();
  const prepare = () => (opened ??= open(source));
  return {
    async prepare() {
      const { unit } = await prepare();
      return unit;
    },
    async count(text) {
      const found = known.get(text);
      if (found !== undefined) return found;
      const tokens = await (await prepare()).count(text);
      if (text.length <= MAX_REMEMBERED) known.set(text, tokens);
      return tokens;
    },
    async [Symbol.asyncDispose]() {
      await (await opened?.catch(() => undefined))?.close?.();
    },
  };
}

/** Separators and headings are counted again and again; longer texts hardly ever. */
const MAX_REMEMBERED = 200;

interface OpenedCounter {
  unit: string;
  count: (text: string) => number | Promise<number>;
  close?: () => Promise<void>;
}

async function open(source: () => Promise<TokenizerSource> | TokenizerSource): Promise<OpenedCounter> {
  const found = await source();
  if (found === undefined) return { unit: "estimated tokens", count: estimateTokens };
  if ("endpoint" in found) {
    const { openEndpointTokenizer } = await import("../llm/endpoint-tokenizer.ts");
    const count = await openEndpointTokenizer(found.endpoint);
    return count === undefined
      ? { unit: "estimated tokens", count: estimateTokens }
      : { unit: "tokens, counted by the server", count };
  }
  const { readGguf } = await import("../formats/gguf/read-gguf.ts");
  const { openTokenizer } = await import("../llm/tokenizer.ts");
  const tokenizer = await openTokenizer(await readGguf(found.modelFile));
  // Begin and end tokens are the prompt's, not the text's.
  const marks = tokenizer.encodeDocument("").tokens.length;
  return {
    unit: "tokens",
    count: (text) => tokenizer.encodeDocument(text).tokens.length - marks,
    close: () => tokenizer[Symbol.asyncDispose]() as Promise<void>,
  };
}
