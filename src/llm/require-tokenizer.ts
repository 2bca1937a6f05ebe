/** Looks at a model file's tokenizer before llama.cpp does, which ends the process or guesses where the file is wrong. */
import { type GgufFile, metadataNumber, metadataString } from "../formats/gguf/types.ts";
import { IlabError } from "../util/errors.ts";

/** Throws `TOKENIZER_MISSING` and `TOKENIZER_MISMATCH`. */
export function requireTokenizer(file: GgufFile): void {
  const kind = metadataString(file, "tokenizer.ggml.model");
  const tokens = file.metadata.get("tokenizer.ggml.tokens");
  if (
    kind === undefined ||
    kind === "none" ||
    kind === "no_vocab" ||
    tokens?.type !== "array" ||
    tokens.value.length === 0
  )
    throw new IlabError({
      code: "TOKENIZER_MISSING",
      message: `${file.path} holds no tokenizer, so text cannot be turned into tokens`,
      hint: "Choose a GGUF file of a whole language model; adapters and projectors have no tokenizer.",
    });
  const count = tokens.value.length;
  const rows = file.tensors.get("token_embd.weight")?.shape[1];
  if (rows !== undefined && rows !== count)
    throw mismatch(file, `its tokenizer has ${count} tokens and its embedding ${rows} rows`);
  const types = file.metadata.get("tokenizer.ggml.token_type");
  if (types?.type === "array" && types.value.length !== count)
    throw mismatch(file, `its tokenizer has ${count} tokens and ${types.value.length} token types`);
  for (const name of ["bos", "eos", "eot", "unknown", "padding"]) {
    const token = metadataNumber(file, `tokenizer.ggml.${name}_token_id`);
    // llama.cpp writes -1 for a token that a model does not have.
    if (token !== undefined && token >= count && token !== 0xffffffff)
      throw mismatch(file, `its ${name} token is ${token}, but the tokenizer has only ${count} tokens`);
  }
}

function mismatch(file: GgufFile, problem: string): IlabError {
  return new IlabError({
    code: "TOKENIZER_MISMATCH",
    message: `the tokenizer in ${file.path} does not match its model: ${problem}`,
    hint: "The file was probably converted with the tokenizer of another model. Get it from another source, or convert it again.",
  });
}
