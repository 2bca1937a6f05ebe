/** Tiny random models with the chat template, special tokens and kind of tokenizer that a test wants. */
import type { GgufMetadataEntry } from "../../src/formats/gguf/types.ts";
import { writeTinyModel } from "./tiny-model.ts";

export interface TinyChatModelOptions {
  template: string;
  /** Texts of special tokens, beside those of the tiny model. */
  specialTokens?: readonly string[];
  /** Which of them begins a text and ends a turn. */
  beginToken?: string;
  endToken?: string;
  addsBeginToken?: boolean;
  /** `spm`: a vocabulary after the manner of Llama 2, which puts a space before every beginning. */
  kind?: "bpe" | "spm";
}

export async function writeTinyChatModel(path: string, options: TinyChatModelOptions): Promise<void> {
  const { template, specialTokens = [], kind = "bpe" } = options;
  await writeTinyModel(path, {
    layers: 1,
    width: 16,
    heads: 2,
    keyValueHeads: 1,
    feedForward: 16,
    mutate(metadata, tensors) {
      const base =
        kind === "spm"
          ? sentencePieces()
          : {
              tokens: metadata.get("tokenizer.ggml.tokens")!.value as string[],
              types: metadata.get("tokenizer.ggml.token_type")!.value as number[],
              scores: undefined,
            };
      const added = specialTokens.filter((text) => !base.tokens.includes(text));
      const tokens = [...base.tokens, ...added];
      const types = [...base.types, ...added.map(() => 3)];
      const idOf = (text: string): GgufMetadataEntry => ({ type: "uint32", value: tokens.indexOf(text) });
      metadata.set("tokenizer.ggml.tokens", { type: "array", elementType: "string", value: tokens });
      metadata.set("tokenizer.ggml.token_type", { type: "array", elementType: "int32", value: types });
      metadata.set("tokenizer.chat_template", { type: "string", value: template });
      metadata.set("tokenizer.ggml.add_bos_token", { type: "bool", value: options.addsBeginToken ?? false });
      metadata.set("llama.vocab_size", { type: "uint32", value: tokens.length });
      if (base.scores !== undefined) {
        metadata.set("tokenizer.ggml.model", { type: "string", value: "llama" });
        metadata.delete("tokenizer.ggml.pre");
        metadata.delete("tokenizer.ggml.merges");
        const scores = [...base.scores, ...added.map(() => 0)];
        metadata.set("tokenizer.ggml.scores", { type: "array", elementType: "float32", value: scores });
        metadata.set("tokenizer.ggml.unknown_token_id", { type: "uint32", value: 0 });
      }
      const { beginToken, endToken } = options;
      if (beginToken !== undefined) metadata.set("tokenizer.ggml.bos_token_id", idOf(beginToken));
      if (endToken !== undefined) metadata.set("tokenizer.ggml.eos_token_id", idOf(endToken));
      tensors.set("token_embd.weight", { ...tensors.get("token_embd.weight")!, shape: [16, tokens.length] });
    },
  });
}

/** Marks, bytes, letters, and a few longer pieces so that spaces and letters grow together. */
function sentencePieces(): { tokens: string[]; types: number[]; scores: number[] } {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
  const letters = [..."▁abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.?!"];
  const pieces = ["▁t", "▁th", "▁the", "en", "▁S", "▁a", "▁▁"];
  const tokens = ["<unk>", "<s>", "</s>", ...bytes, ...letters, ...pieces];
  return {
    tokens,
    types: [2, 3, 3, ...bytes.map(() => 6), ...letters.map(() => 1), ...pieces.map(() => 1)],
    scores: [0, 0, 0, ...bytes.map(() => 0), ...letters.map(() => -100), ...pieces.map((_, i) => -i)],
  };
}
