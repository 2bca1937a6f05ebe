/**
 * The tokenizer of a GGUF file -> `tokenizer.json`, `tokenizer_config.json` and `special_tokens_map.json`, complete enough that
 * transformers needs nothing else. Token numbers stay as they are.
 */
import { IlabError } from "../../util/errors.ts";
import { type GgufFile, metadataNumber, metadataString } from "../gguf/types.ts";
import { mergesFromScores } from "./merges-from-scores.ts";
import { preTokenizerByName } from "./pre-tokenizers.ts";
import { TokenType } from "./tokenizer-metadata.ts";

export interface ExportedTokenizer {
  /** Contents by file name. */
  files: Record<string, unknown>;
  ids: { bos?: number; eos?: number; padding?: number };
  /** Every token that ends an answer, the first being `eos`. */
  endings: number[];
}

/** Names of turn ends that llama.cpp takes as an end whatever the file says. */
const TURN_ENDS = ["<|eot_id|>", "<|im_end|>", "<end_of_turn>", "<|end|>", "<|eom_id|>", "<|endoftext|>"];
/** What llama.cpp does where a file does not say it. */
const BEGINS_BY_DEFAULT = new Set(["llama-bpe", "llama3", "llama-v3", "tekken"]);

/** @param source the file, for messages. Throws `TOKENIZER_UNSUPPORTED`. */
export function tokenizerFiles(file: Pick<GgufFile, "metadata">, source: string): ExportedTokenizer {
  const refuse = (problem: string): never => {
    throw new IlabError({
      code: "TOKENIZER_UNSUPPORTED",
      message: `the tokenizer of ${source} cannot be written for transformers: ${problem}`,
      hint: "Convert to GGUF instead (--to gguf), or take the tokenizer files of the original model.",
    });
  };
  const list = (key: string) => {
    const entry = file.metadata.get(`tokenizer.ggml.${key}`);
    return entry?.type === "array" ? entry.value : undefined;
  };
  const kind = metadataString(file, "tokenizer.ggml.model");
  if (kind !== "gpt2" && kind !== "llama") refuse(`it is of the kind '${kind ?? "none"}'`);
  const isSentencePiece = kind === "llama";
  const texts = (list("tokens") ?? refuse("it has no tokens")).map(String);
  const types = list("token_type")?.map(Number) ?? texts.map(() => TokenType.normal);
  const flag = (key: string) => file.metadata.get(`tokenizer.ggml.${key}`)?.value as boolean | undefined;
  const pre = metadataString(file, "tokenizer.ggml.pre") ?? "";
  const number = (key: string) => {
    const id = metadataNumber(file, `tokenizer.ggml.${key}_token_id`);
    return id !== undefined && id < texts.length ? id : undefined;
  };
  // llama.cpp's defaults for SentencePiece models.
  const ids = {
    bos: number("bos") ?? (isSentencePiece ? 1 : undefined),
    eos: number("eos") ?? (isSentencePiece ? 2 : undefined),
    unknown: number("unknown") ?? (isSentencePiece ? 0 : undefined),
    padding: number("padding"),
  };
  const addsBos = (flag("add_bos_token") ?? (isSentencePiece || BEGINS_BY_DEFAULT.has(pre))) && ids.bos !== undefined;
  const addsEos = (flag("add_eos_token") ?? false) && ids.eos !== undefined;

  const isUsed = (id: number) => types[id] !== TokenType.unused || !/^\[PAD\d+\]$/.test(texts[id]!);
  if (isSentencePiece)
    // llama.cpp keeps these as they stand in a text, tokenizers as they stand in the vocabulary.
    for (const id of texts.keys()) if (types[id] === TokenType.userDefined) texts[id] = texts[id]!.replaceAll(" ", "▁");
  const vocab = Object.fromEntries(texts.flatMap((text, id) => (isUsed(id) ? [[text, id]] : [])));
  const special = new Set<number | undefined>([ids.bos, ids.eos, ids.unknown, ids.padding]);
  const addedTokens = texts.flatMap((content, id) => {
    const isControl = types[id] === TokenType.control || types[id] === TokenType.unknown;
    if (!isControl && types[id] !== TokenType.userDefined) return [];
    return [
      {
        id,
        content,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: isControl || special.has(id),
      },
    ];
  });
  const text = (id: number | undefined) => (id === undefined ? undefined : texts[id]);
  const model = isSentencePiece
    ? {
        unk_token: text(ids.unknown) ?? null,
        fuse_unk: true,
        byte_fallback: true,
        ignore_merges: false,
        vocab,
        merges: mergesFromScores(texts, types, (list("scores") ?? refuse("it has no scores")).map(Number)),
      }
    : {
        unk_token: null,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: preTokenizerByName(pre)?.ignoresMerges ?? false,
        vocab,
        merges: (list("merges") ?? refuse("it has no merges")).map((merge) => String(merge).split(" ")),
      };
  const around = { prefix: addsBos ? text(ids.bos)! : undefined, suffix: addsEos ? text(ids.eos)! : undefined };
  const json = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens,
    ...(isSentencePiece ? sentencePieceRules(flag("add_space_prefix") ?? true) : byteLevelRules()),
    post_processor: postProcessor(around, vocab, !isSentencePiece),
    model: { type: "BPE", dropout: null, continuing_subword_prefix: null, end_of_word_suffix: null, ...model },
  };
  const names = {
    bos_token: text(ids.bos),
    eos_token: text(ids.eos),
    unk_token: text(ids.unknown),
    pad_token: text(ids.padding),
  };
  const contextLength = [...file.metadata].find(([key]) => key.endsWith(".context_length"))?.[1].value;
  const config = {
    // The class that takes tokenizer.json as it is.
    tokenizer_class: "PreTrainedTokenizerFast",
    ...names,
    add_bos_token: addsBos,
    add_eos_token: addsEos,
    clean_up_tokenization_spaces: false,
    model_max_length: Number(contextLength ?? 0) || undefined,
    chat_template: metadataString(file, "tokenizer.chat_template"),
  };
  const endings = new Set<number>();
  for (const id of [ids.eos, number("eot"), ...TURN_ENDS.map((name) => vocab[name])])
    if (id !== undefined && (id === ids.eos || types[id] !== TokenType.normal)) endings.add(id);
  return {
    files: { "tokenizer.json": json, "tokenizer_config.json": config, "special_tokens_map.json": names },
    ids: { bos: ids.bos, eos: ids.eos, padding: ids.padding },
    endings: [...endings],
  };

  function byteLevelRules() {
    const known = preTokenizerByName(pre) ?? refuse(`the rules that llama.cpp calls '${pre}' are not known here`);
    return {
      normalizer: known.normalizer ?? null,
      pre_tokenizer: known.rules,
      decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    };
  }
}

function sentencePieceRules(addsSpace: boolean) {
  const replace = (from: string, to: string) => ({ type: "Replace", pattern: { String: from }, content: to });
  const toMarks = replace(" ", "▁");
  return {
    normalizer: addsSpace ? { type: "Sequence", normalizers: [{ type: "Prepend", prepend: "▁" }, toMarks] } : toMarks,
    pre_tokenizer: null,
    decoder: {
      type: "Sequence",
      decoders: [
        replace("▁", " "),
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...(addsSpace ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
      ],
    },
  };
}

function postProcessor(
  { prefix, suffix }: { prefix?: string; suffix?: string },
  vocab: Record<string, number>,
  isByteLevel: boolean,
): unknown {
  const byteLevel = { type: "ByteLevel", add_prefix_space: true, trim_offsets: false, use_regex: true };
  if (prefix === undefined && suffix === undefined) return isByteLevel ? byteLevel : null;
  const around = (id: string, type: number) => [
    ...(prefix === undefined ? [] : [{ SpecialToken: { id: prefix, type_id: type } }]),
    { Sequence: { id, type_id: type } },
    ...(suffix === undefined ? [] : [{ SpecialToken: { id: suffix, type_id: type } }]),
  ];
  const template = {
    type: "TemplateProcessing",
    single: around("A", 0),
    pair: [...around("A", 0), ...around("B", 1)],
    special_tokens: Object.fromEntries(
      [prefix, suffix].flatMap((token) =>
        token === undefined ? [] : [[token, { id: token, ids: [vocab[token]!], tokens: [token] }]],
      ),
    ),
  };
  return isByteLevel ? { type: "Sequence", processors: [byteLevel, template] } : template;
}
