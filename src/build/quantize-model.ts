/** A GGUF model in another weight type, made by llama.cpp's own quantiser: same mixtures of types, same bytes as `llama-quantize`. */
import { fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { readImportanceMatrix } from "../formats/importance-matrix.ts";
import { CancelledError, IlabError } from "../util/errors.ts";
import type { Work } from "../util/events.ts";
import { describeWriteError } from "../util/fs.ts";
import { physicalCores } from "../util/physical-cores.ts";
import { workFrom } from "../util/work-from.ts";
import { fileTypeId, type QuantizationType } from "./quantization-types.ts";
import type { QuantizeOrder } from "./quantize-worker.ts";

/** Rows that the quantiser holds at once; its own default is 8 GiB. */
const MAX_BUFFER_BYTES = 256 * 1024 * 1024;
const STEP = "quantise";

export interface QuantizeOptions {
  threads?: number;
  /** GGUF file that llama-imatrix wrote; types below three bits need one, others gain by it. */
  importanceMatrix?: string;
  signal?: AbortSignal;
}

/** Writes `output` atomically. Throws `QUANTIZE_FAILED` with llama.cpp's reason. */
export async function* quantizeModel(
  input: string,
  output: string,
  type: QuantizationType,
  options: QuantizeOptions = {},
): Work<void> {
  const { threads = physicalCores(), importanceMatrix, signal } = options;
  const importance = importanceMatrix === undefined ? [] : await readImportanceMatrix(importanceMatrix);
  const started = performance.now();
  const part = `${output}.part-${randomBytes(4).toString("hex")}`;
  yield { type: "step-start", stage: "build", step: STEP, unit: "tensors" };
  try {
    await mkdir(dirname(output), { recursive: true });
    yield* workFrom(async (emit) => {
      const order: QuantizeOrder = {
        input,
        output: part,
        fileType: fileTypeId(type),
        threads,
        maxBufferBytes: MAX_BUFFER_BYTES,
        importance,
      };
      const log = await runQuantizer(order, signal, (done, total) =>
        emit({ type: "step-progress", stage: "build", step: STEP, done, total, unit: "tensors" }),
      );
      if (log !== undefined) throw quantizeError(input, output, type, log);
    });
    const file = await open(part, "r+");
    await file.sync();
    await file.close();
    await rename(part, output);
  } catch (error) {
    await rm(part, { force: true });
    throw describeWriteError(output, error);
  }
  yield { type: "step-end", stage: "build", step: STEP, seconds: (performance.now() - started) / 1000, note: type };
}

/** @returns undefined when it went well, otherwise the end of what llama.cpp said. */
async function runQuantizer(
  order: QuantizeOrder,
  signal: AbortSignal | undefined,
  onTensor: (done: number, total: number) => void,
): Promise<string | undefined> {
  if (signal?.aborted) throw new CancelledError();
  // From a checkout the sources run through tsx; installed, they are JavaScript.
  const isSource = import.meta.url.endsWith(".ts");
  const entry = fileURLToPath(new URL(`quantize-worker.${isSource ? "ts" : "js"}`, import.meta.url));
  const child = fork(entry, [], {
    serialization: "advanced",
    execArgv: isSource ? ["--import", "tsx"] : [],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let log = "";
  child.stderr!.on("data", (piece: Buffer) => {
    log = (log + piece.toString()).slice(-8000);
    const [, done, total] = [...log.matchAll(/\[ *(\d+)\/ *(\d+)\] /g)].at(-1) ?? [];
    if (done !== undefined) onTensor(Number(done), Number(total));
  });
  const abort = () => child.kill("SIGKILL");
  signal?.addEventListener("abort", abort, { once: true });
  try {
    const status = await new Promise<number | null>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", resolve);
      child.send(order);
    });
    if (signal?.aborted)
      throw new CancelledError("quantising was cancelled", "Nothing was kept of the unfinished file.");
    return status === 0 ? undefined : log;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

function quantizeError(input: string, output: string, type: QuantizationType, log: string): IlabError {
  if (/No space left|basic_ios::clear|iostream error/.test(log))
    return new IlabError({
      code: "DISK_FULL",
      message: `no space left while writing ${output}`,
      hint: "Free some space, or choose another place with --output.",
    });
  const needsMatrix = /requires an im|Missing importance matrix/.test(log);
  return new IlabError({
    code: "QUANTIZE_FAILED",
    message: `llama.cpp could not make ${type} of ${input}: ${needsMatrix ? "this type needs an importance matrix of every weight" : lastLines(log)}`,
    hint: needsMatrix
      ? "Give one that llama-imatrix wrote for this model (--importance-matrix), or choose a type that does without, such as Q3_K_M."
      : "Choose another type, or check the model with 'ilab model list'.",
  });
}

function lastLines(log: string): string {
  return log
    .split("\n")
    .filter((line) => line.trim() !== "" && !/^\[ *\d+\//.test(line))
    .slice(-3)
    .join("; ");
}
