/**
 * The stage: a model, with or without an adapter, into another form. Every conversion is the same pipe: read as streaming weights, add the
 * adapter, write. Inputs are only read; the output gets its name when it is whole.
 */
import { randomBytes } from "node:crypto";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { openGgufWeights } from "../formats/gguf/open-gguf-weights.ts";
import { metadataString } from "../formats/gguf/types.ts";
import { baseFacts } from "../formats/huggingface/base-facts.ts";
import { openHuggingFaceWeights } from "../formats/huggingface/open-weights.ts";
import { readPeftAdapter, writePeftAdapter } from "../formats/huggingface/peft-adapter.ts";
import { writeHuggingFaceModel } from "../formats/huggingface/write-model.ts";
import { type LoraAdapter, readLoraAdapter, writeLoraAdapter } from "../formats/lora-adapter.ts";
import type { ModelWeights } from "../formats/model-weights.ts";
import { throwIfAborted, UsageError } from "../util/errors.ts";
import type { Work, WorkEvent } from "../util/events.ts";
import { describeWriteError } from "../util/fs.ts";
import { sha256File } from "../util/hash.ts";
import { workFrom } from "../util/work-from.ts";
import { directoryKind } from "./find-conversion-input.ts";
import { mergeAdapter, requireFittingAdapter } from "./merge-adapter.ts";
import type { QuantizationType } from "./quantization-types.ts";
import { quantizeModel } from "./quantize-model.ts";
import { writeGgufModel } from "./write-gguf-model.ts";

/** `gguf` and `hf` are whole models, as one file and as a directory; `adapter` and `peft` are adapters, likewise. */
export type ConversionTarget = "gguf" | "hf" | "adapter" | "peft";

export interface ConvertRequest {
  /** GGUF file or Hugging Face directory. */
  model: string;
  /** Adapter file or peft directory; it is added to the model, or for the targets `adapter` and `peft` converted itself. */
  adapter?: string;
  target: ConversionTarget;
  /** File or directory to make; must not exist. */
  output: string;
  /** For `gguf`: weights of this type, chosen per tensor as llama.cpp does. Without it they stay as they are. */
  quantization?: QuantizationType;
  /** For `quantization`: GGUF file that llama-imatrix wrote. */
  importanceMatrix?: string;
  /** For `gguf`: merged weights go back to the quantised type of the base instead of F16. */
  keepQuantizedTypes?: boolean;
  threads?: number;
  signal?: AbortSignal;
}

/** Throws `USAGE` for what makes no sense, and the errors of the formats. */
export async function* convertModel(request: ConvertRequest): Work<{ output: string }> {
  const { model, target, output, signal } = request;
  const makesModel = target === "gguf" || target === "hf";
  if (!makesModel && request.adapter === undefined)
    throw new UsageError(
      `${model} is a whole model, of which no adapter can be made`,
      "Give a training run or an adapter, or choose --to gguf or --to hf.",
    );
  if ((await stat(output).catch(() => undefined)) !== undefined)
    throw new UsageError(`${output} exists already`, "Choose another --output, or move that away.");
  await using base =
    (await directoryKind(model)) === "model" ? await openHuggingFaceWeights(model) : await openGgufWeights(model);
  if (metadataString(base, "general.type") === "adapter")
    throw new UsageError(`${model} is an adapter, not a model`, "Name its base with --base-model.");
  for (const text of base.warnings) yield warning(text);
  const adapter = request.adapter === undefined ? undefined : yield* readAdapter(request.adapter, base, signal);
  const temporary = `${output}.part-${randomBytes(4).toString("hex")}`;
  try {
    await mkdir(dirname(output), { recursive: true });
    if (target === "gguf") yield* writeGgufFile(request, base, adapter);
    else if (target === "adapter") await writeLoraAdapter(output, adapter!, adapter!.weights);
    else {
      if (target === "hf") yield* writeDirectory(temporary, merged(request, base, adapter), signal);
      else await writePeftAdapter(temporary, adapter!, baseFacts(base), { source: request.adapter!, baseModel: model });
      await rename(temporary, output);
    }
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw describeWriteError(output, error);
  }
  return { output };
}

async function* readAdapter(path: string, base: ModelWeights, signal: AbortSignal | undefined): Work<LoraAdapter> {
  const isPeft = (await directoryKind(path)) === "peft";
  const adapter = isPeft ? await readPeftAdapter(path, baseFacts(base)) : await readLoraAdapter(path);
  requireFittingAdapter(base, adapter, path);
  const trainedOn = adapter.notes["base_sha256"];
  if (trainedOn !== undefined && (await stat(base.source)).isFile()) {
    if ((await sha256File(base.source, signal)) !== trainedOn)
      yield warning(
        `the adapter was trained on another file than ${base.source}; it fits by its shapes, but is it the same model?`,
      );
  }
  return adapter;
}

function merged(
  { keepQuantizedTypes }: ConvertRequest,
  base: ModelWeights,
  adapter: LoraAdapter | undefined,
): ModelWeights {
  return adapter === undefined ? base : mergeAdapter(base, adapter, { keepQuantizedTypes });
}

async function* writeGgufFile(
  request: ConvertRequest,
  base: ModelWeights,
  adapter: LoraAdapter | undefined,
): Work<void> {
  const { model, output, quantization, signal } = request;
  const isGguf = (await stat(model)).isFile();
  if (quantization === undefined) {
    if (isGguf && adapter === undefined)
      throw new UsageError(
        `${model} is a GGUF file already`,
        "Name a weight type with --quantize, or another form with --to.",
      );
    yield* writeGgufModel(output, merged(request, base, adapter), signal);
    return;
  }
  if (isGguf && adapter === undefined) {
    yield* quantizeModel(model, output, quantization, request);
    return;
  }
  // llama.cpp's quantiser reads files only.
  const unquantized = `${output}.part-${randomBytes(4).toString("hex")}.gguf`;
  try {
    yield* writeGgufModel(unquantized, merged(request, base, adapter), signal);
    yield* quantizeModel(unquantized, output, quantization, request);
  } finally {
    await rm(unquantized, { force: true });
  }
}

async function* writeDirectory(directory: string, weights: ModelWeights, signal: AbortSignal | undefined): Work<void> {
  const step = "write weights";
  const started = performance.now();
  yield { type: "step-start", stage: "build", step, unit: "tensors" };
  yield* workFrom(async (emit) => {
    await writeHuggingFaceModel(directory, weights, {
      onTensor: (done, total) => emit({ type: "step-progress", stage: "build", step, done, total, unit: "tensors" }),
      check: () => throwIfAborted(signal, "Nothing was kept of the unfinished directory."),
    });
  });
  yield { type: "step-end", stage: "build", step, seconds: (performance.now() - started) / 1000 };
}

function warning(text: string): WorkEvent {
  return { type: "message", stage: "build", level: "warning", text };
}
