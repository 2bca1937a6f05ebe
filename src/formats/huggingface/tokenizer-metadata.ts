/**
 * The tokenizer of a Hugging Face directory -> GGUF metadata. Two kinds exist: byte-level BPE (`gpt2`), which keeps merges, and
 * SentencePiece-like BPE with byte fallback (`llama`), which keeps a score per token. What llama.cpp would tokenise otherwise is refused.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { IlabError } from "../../util/errors.ts";
import type { GgufMetadataEntry } from "../gguf/types.ts";
import { type HuggingFaceConfig, readJsonObject } from "./config.ts";
import { preTokenizerByRules } from "./pre-tokenizers.ts";
import { parseSentencePieceModel, type SentencePieceModel } from "./sentencepiece-model.ts";
import { readSpecialTokens, type SpecialTokens } from "./special-tokens.ts";

/** `enum llama_token_type` */
export const TokenType = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

const isTokenNumber = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
const addedTokenSchema = z.looseObject({
  id: z.number().int().nonnegative(),
  content: z.string(),
  special: z.boolean().default(false),
});
const tokenizerSchema = z.looseObject({
  added_tokens: z.array(addedTokenSchema).default([]),
  normalizer: z.unknown(),
  pre_tokenizer: z.unknown(),
  post_processor: z.unknown(),
  model: z.looseObject({
    type: z.string().optional(),
    vocab: z.custom<Record<string, number>>(
      (value) => typeof value === "object" && value !== null && Object.values(value).every(isTokenNumber),
      "the vocabulary is not a list of tokens with their numbers",
    ),
    merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])).default([]),
    byte_fallback: z.boolean().nullish(),
    ignore_merges: z.boolean().nullish(),
    unk_token: z.string().nullish(),
  }),
});
type TokenizerJson = z.infer<typeof tokenizerSchema>;

export interface TokenizerMetadata {
  metadata: Map<string, GgufMetadataEntry>;
  warnings: string[];
}

/** @param vocabulary rows of the embedding. Throws `TOKENIZER_MISSING`, `TOKENIZER_INVALID`, `TOKENIZER_UNSUPPORTED`, `TOKENIZER_MISMATCH`. */
export async function tokenizerMetadata(
  directory: string,
  vocabulary: number,
  config: HuggingFaceConfig,
): Promise<TokenizerMetadata> {
  const path = join(directory, "tokenizer.json");
  const raw = await readJsonObject(path);
  const pieceFile = join(directory, "tokenizer.model");
  const pieceBytes = await readFile(pieceFile).catch(() => undefined);
  if (raw === undefined)
    throw new IlabError({
      code: "TOKENIZER_MISSING",
      message: `${directory} has no tokenizer.json`,
      hint: "Download it with the model; transformers' AutoTokenizer.save_pretrained makes it from other forms.",
    });
  const parsed = tokenizerSchema.safeParse(raw);
  if (!parsed.success)
    throw new IlabError({
      code: "TOKENIZER_INVALID",
      message: `${path} cannot be understood:\n${z.prettifyError(parsed.error)}`,
      hint: "Download the tokenizer again.",
    });
  const json = parsed.data;
  const { model } = json;
  if (model.type !== undefined && model.type !== "BPE") throw unsupported(path, `it is of the kind ${model.type}`);
  const special = await readSpecialTokens(directory, config, json);
  const warnings: string[] = [];
  const tokens = listTokens(json, vocabulary, directory, warnings);
  const isSentencePiece = model.byte_fallback === true;
  const metadata = isSentencePiece
    ? sentencePieceMetadata(path, json, tokens, special, pieceBytes && parseSentencePieceModel(pieceFile, pieceBytes))
    : byteLevelMetadata(path, json, tokens);
  const set = (key: string, entry: GgufMetadataEntry) => metadata.set(`tokenizer.${key}`, entry);
  for (const [key, id] of Object.entries(special.ids))
    if (id !== undefined && id < vocabulary) set(`ggml.${key}_token_id`, { type: "uint32", value: id });
  set("ggml.add_bos_token", { type: "bool", value: special.addsBos });
  set("ggml.add_eos_token", { type: "bool", value: special.addsEos });
  if (special.chatTemplate !== undefined) set("chat_template", { type: "string", value: special.chatTemplate });
  return { metadata, warnings };
}

/** Steps that only turn spaces into ▁ and put one in front, which is what llama.cpp does as well. */
const SPACE_RULES = new Set(["Sequence", "Prepend", "Replace", "Metaspace", "Split"]);

interface Tokens {
  texts: string[];
  types: number[];
}

function listTokens(json: TokenizerJson, vocabulary: number, directory: string, warnings: string[]): Tokens {
  const texts = Array.from({ length: vocabulary }, (_, id) => `[PAD${id}]`);
  const types = new Array<number>(vocabulary).fill(TokenType.unused);
  const mismatch = (text: string, id: number) =>
    new IlabError({
      code: "TOKENIZER_MISMATCH",
      message: `the tokenizer in ${directory} has the token '${text}' with number ${id}, but the model has ${vocabulary} tokens`,
      hint: "The tokenizer is of another model: put the right tokenizer.json there.",
    });
  const added = new Set(json.added_tokens.map(({ content }) => content));
  for (const [text, id] of Object.entries(json.model.vocab)) {
    if (id >= vocabulary) {
      if (added.has(text)) continue;
      throw mismatch(text, id);
    }
    texts[id] = text;
    types[id] = TokenType.normal;
  }
  for (const { id, content, special } of json.added_tokens) {
    if (id >= vocabulary) {
      warnings.push(
        `the token '${content}' (number ${id}) lies beyond the model's ${vocabulary} tokens and is left out`,
      );
      continue;
    }
    texts[id] = content;
    // Turn markers that are not marked as special are treated as such, as llama.cpp's own converter does.
    types[id] = special || /^<\|.*\|>$/.test(content) ? TokenType.control : TokenType.userDefined;
  }
  return { texts, types };
}

function byteLevelMetadata(
  path: string,
  json: TokenizerJson,
  { texts, types }: Tokens,
): Map<string, GgufMetadataEntry> {
  const pre = preTokenizerByRules(json.pre_tokenizer, json.model.ignore_merges === true);
  if (pre === undefined)
    throw unsupported(path, `llama.cpp has no name for how it cuts a text: ${JSON.stringify(json.pre_tokenizer)}`);
  const normalizer = (json.normalizer as { type?: string } | null | undefined)?.type;
  // llama.cpp does not normalise; NFC changes nothing in texts as they are usually written.
  if (normalizer !== undefined && normalizer !== "NFC") throw unsupported(path, `it normalises texts by ${normalizer}`);
  const merges = json.model.merges.map((merge) => (typeof merge === "string" ? merge : merge.join(" ")));
  return new Map<string, GgufMetadataEntry>([
    ["tokenizer.ggml.model", { type: "string", value: "gpt2" }],
    ["tokenizer.ggml.pre", { type: "string", value: pre.names[0]! }],
    ["tokenizer.ggml.tokens", { type: "array", elementType: "string", value: texts }],
    ["tokenizer.ggml.token_type", { type: "array", elementType: "int32", value: types }],
    ["tokenizer.ggml.merges", { type: "array", elementType: "string", value: merges }],
  ]);
}

function sentencePieceMetadata(
  path: string,
  json: TokenizerJson,
  { texts, types }: Tokens,
  special: SpecialTokens,
  pieceModel: SentencePieceModel | undefined,
): Map<string, GgufMetadataEntry> {
  const rules = JSON.stringify([json.normalizer, json.pre_tokenizer]);
  const strange = [...rules.matchAll(/"type":"(\w+)"/g)].find(([, type]) => !SPACE_RULES.has(type!))?.[1];
  if (strange !== undefined || !rules.includes("▁"))
    throw unsupported(
      path,
      `llama.cpp ${strange === undefined ? "writes spaces as ▁" : `has no step like ${strange}`}`,
    );
  const prependScheme = /"prepend_scheme":"(\w+)"/.exec(rules)?.[1];
  const addsSpace =
    rules.includes('"Prepend"') ||
    (prependScheme !== undefined
      ? prependScheme !== "never"
      : /"Metaspace"/.test(rules) && !/"add_prefix_space":false/.test(rules));
  const scores = pieceModel === undefined ? scoresFromMerges(json, texts) : scoresFromPieces(pieceModel, texts);
  for (const [id, text] of texts.entries()) {
    if (types[id] === TokenType.normal && /^<0x[0-9A-Fa-f]{2}>$/.test(text)) types[id] = TokenType.byte;
    // llama.cpp looks for these in the text as it is written.
    if (types[id] === TokenType.userDefined) texts[id] = text.replaceAll("▁", " ");
  }
  const unknown = special.ids.unknown;
  if (unknown !== undefined && unknown < types.length) types[unknown] = TokenType.unknown;
  return new Map<string, GgufMetadataEntry>([
    ["tokenizer.ggml.model", { type: "string", value: "llama" }],
    ["tokenizer.ggml.pre", { type: "string", value: "default" }],
    ["tokenizer.ggml.tokens", { type: "array", elementType: "string", value: texts }],
    ["tokenizer.ggml.scores", { type: "array", elementType: "float32", value: scores }],
    ["tokenizer.ggml.token_type", { type: "array", elementType: "int32", value: types }],
    ["tokenizer.ggml.add_space_prefix", { type: "bool", value: addsSpace }],
  ]);
}

/** Score of tokens that no merge makes: they come last. */
const NO_MERGE = -1e6;

/** llama.cpp joins the pair whose joint token has the highest score; merges are applied in their order, so earlier is higher. */
function scoresFromMerges(json: TokenizerJson, texts: readonly string[]): number[] {
  const rank = new Map<string, number>();
  for (const merge of json.model.merges) {
    const text = typeof merge === "string" ? merge.replace(" ", "") : merge.join("");
    if (!rank.has(text)) rank.set(text, rank.size);
  }
  return texts.map((text) => {
    const own = rank.get(text);
    return own === undefined ? NO_MERGE : 0 - own;
  });
}

function scoresFromPieces({ pieces }: SentencePieceModel, texts: readonly string[]): number[] {
  return texts.map((text, id) => (pieces[id]?.text === text ? pieces[id].score : -1000));
}

function unsupported(path: string, problem: string): IlabError {
  return new IlabError({
    code: "TOKENIZER_UNSUPPORTED",
    message: `the tokenizer ${path} cannot be converted: ${problem}`,
    hint: "With another tokenizer the model would read other tokens than it was trained on. Choose a model whose tokenizer is supported.",
  });
}
