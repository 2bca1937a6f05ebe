/**
 * How byte-level BPE tokenizers cut a text before merging: llama.cpp knows a name for each way (`tokenizer.ggml.pre`), Hugging Face's
 * tokenizers a tree of rules. One table serves both directions; names beside each other are the same rules in llama.cpp's `llama-vocab.cpp`.
 */

export interface PreTokenizer {
  /** The first one is written. */
  names: string[];
  /** A word that is a token is taken whole, whatever the merges say. */
  ignoresMerges: boolean;
  /** `pre_tokenizer` of a `tokenizer.json`. */
  rules: Record<string, unknown>;
  normalizer?: Record<string, unknown>;
}

const byteLevel = (useRegex: boolean) => ({
  type: "ByteLevel",
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: useRegex,
});
const sequence = (...pretokenizers: unknown[]) => ({ type: "Sequence", pretokenizers });
const splitBy = (regex: string) =>
  sequence({ type: "Split", pattern: { Regex: regex }, behavior: "Isolated", invert: false }, byteLevel(false));

const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const words = (digits: string) =>
  `${contractions}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;
const upper = "\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}";
const lower = "\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}";
const casedWords = (suffix: string, digits: string) =>
  `[^\\r\\n\\p{L}\\p{N}]?[${upper}]*[${lower}]+${suffix}|[^\\r\\n\\p{L}\\p{N}]?[${upper}]+[${lower}]*${suffix}|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;

export const PRE_TOKENIZERS: readonly PreTokenizer[] = [
  {
    names: ["smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2"],
    ignoresMerges: false,
    rules: sequence({ type: "Digits", individual_digits: true }, byteLevel(true)),
  },
  {
    names: ["gpt-2", "mpt", "olmo", "phi-2", "gigachat", "a.x-4.0", "mellum", "granite-docling"],
    ignoresMerges: false,
    rules: byteLevel(true),
  },
  {
    names: ["llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2"],
    ignoresMerges: true,
    rules: splitBy(words("\\p{N}{1,3}")),
  },
  { names: ["smaug-bpe", "dbrx", "glm4", "chatglm-bpe"], ignoresMerges: false, rules: splitBy(words("\\p{N}{1,3}")) },
  {
    names: ["qwen2", "deepseek-r1-qwen", "megrez", "stablelm2", "hunyuan", "solar-open"],
    ignoresMerges: false,
    rules: splitBy(words("\\p{N}")),
    normalizer: { type: "NFC" },
  },
  { names: ["tekken"], ignoresMerges: true, rules: splitBy(casedWords("", "\\p{N}")) },
  {
    names: ["gpt-4o", "llama4", "kanana2"],
    ignoresMerges: false,
    rules: splitBy(casedWords(`${contractions}?`, "\\p{N}{1,3}")),
  },
];

export function preTokenizerByName(name: string): PreTokenizer | undefined {
  return PRE_TOKENIZERS.find(({ names }) => names.includes(name));
}

export function preTokenizerByRules(rules: unknown, ignoresMerges: boolean): PreTokenizer | undefined {
  const wanted = signature(rules);
  return PRE_TOKENIZERS.find((known) => signature(known.rules) === wanted && known.ignoresMerges === ignoresMerges);
}

/** What the rules do, without how deeply they are nested or which harmless fields are written out. */
function signature(rules: unknown): string {
  if (typeof rules !== "object" || rules === null) return String(rules);
  const rule = rules as Record<string, unknown>;
  switch (rule["type"]) {
    case "Sequence":
      return Array.isArray(rule["pretokenizers"]) ? rule["pretokenizers"].map(signature).join(" ") : "no rules";
    case "ByteLevel":
      return `bytes(${rule["add_prefix_space"]},${rule["use_regex"] ?? true})`;
    case "Digits":
      return `digits(${rule["individual_digits"]})`;
    case "Split": {
      const pattern = rule["pattern"] as Record<string, unknown> | undefined;
      // "Removed" with inverted matching keeps the matches apart as "Isolated" does, when every character matches.
      const isolates = rule["behavior"] === "Isolated" || (rule["behavior"] === "Removed" && rule["invert"] === true);
      return `split(${JSON.stringify(pattern?.["Regex"] ?? pattern?.["String"])},${isolates})`;
    }
    default:
      return JSON.stringify(rule);
  }
}
