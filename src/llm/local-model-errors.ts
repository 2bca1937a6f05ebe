/** Says what llama.cpp meant: it throws without a reason and logs the reason instead. */
import { IlabError } from "../util/errors.ts";

/** The log line that tells most, cut to a readable length. */
function reason(error: unknown, log: string): string {
  const line = log
    .split("\n")
    .map((text) => text.replace(/^\w+: /, "").trim())
    .find((text) => text !== "");
  return (line ?? (error instanceof Error ? error.message : String(error))).slice(0, 300);
}

const memoryHint = "Close other programs, use a smaller model or a smaller context.";

export function describeModelError(file: string, error: unknown, log: string): IlabError {
  const text = `${error instanceof Error ? error.message : String(error)}\n${log}`;
  const architecture = /unknown model architecture: '([^']*)'/.exec(text)?.[1];
  if (architecture !== undefined)
    return new IlabError({
      code: "ARCHITECTURE_UNSUPPORTED",
      message: `${file}: the architecture '${architecture}' is not one that the built-in llama.cpp knows`,
      hint: "Use another model, or serve this one elsewhere and give its address with --endpoint-url.",
      cause: error,
    });
  if (
    /InsufficientMemory|not enough (memory|VRAM|RAM)|failed to allocate|insufficient memory/i.test(
      `${(error as Error)?.constructor?.name} ${text}`,
    )
  )
    return new IlabError({
      code: "MEMORY_INSUFFICIENT",
      message: `not enough memory to load ${file}: ${reason(error, log)}`,
      hint: memoryHint,
      cause: error,
    });
  return new IlabError({
    code: "GGUF_INVALID",
    message: `${file} cannot be loaded as a model: ${reason(error, log)}`,
    hint: "A model is one GGUF file. If it was downloaded, delete it and download it again.",
    cause: error,
  });
}

export function describeAdapterError(adapterFile: string, modelFile: string, error: unknown, log: string): IlabError {
  return new IlabError({
    code: "ADAPTER_MISMATCH",
    message: `the adapter ${adapterFile} does not fit ${modelFile}: ${reason(error, log)}`,
    hint: "An adapter works only with the model that it was trained on; the training run's manifest.json names it.",
    cause: error,
  });
}

export function describeContextError(file: string, contextTokens: number, error: unknown, log: string): IlabError {
  return new IlabError({
    code: "MEMORY_INSUFFICIENT",
    message: `no context of ${contextTokens} tokens could be made for ${file}: ${reason(error, log)}`,
    hint: memoryHint,
    cause: error,
  });
}
