/** Embeddings from a GGUF on this machine, one text after another; made for embedding models, though any model gives a usable vector. */
import type { LlamaEmbeddingContext, LlamaModel } from "node-llama-cpp";

/** Tokens of a text that are looked at; what a text is about stands in its beginning. */
const MAX_TOKENS = 512;

export interface LocalEmbedder extends AsyncDisposable {
  embed(texts: readonly string[]): Promise<Float32Array[]>;
}

/** Takes no memory before the first text. */
export function createLocalEmbedder(model: LlamaModel, threads: number | undefined): LocalEmbedder {
  let context: Promise<LlamaEmbeddingContext> | undefined;
  return {
    async embed(texts) {
      context ??= model.createEmbeddingContext({
        contextSize: Math.min(MAX_TOKENS, model.trainContextSize),
        ...(threads === undefined ? {} : { threads }),
      });
      const opened = await context;
      const vectors: Float32Array[] = [];
      for (const text of texts) {
        // Room for the tokens that a model puts before and behind; an empty text would have no vector.
        const tokens = model
          .tokenize(text === "" ? " " : text)
          .slice(0, Math.min(MAX_TOKENS, model.trainContextSize) - 4);
        vectors.push(Float32Array.from((await opened.getEmbeddingFor(tokens)).vector));
      }
      return vectors;
    },
    async [Symbol.asyncDispose]() {
      await (await context)?.dispose();
    },
  };
}
