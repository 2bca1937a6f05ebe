/** Drains streaming weights into a GGUF file, telling how far it is. */
import { writeGguf } from "../formats/gguf/write-gguf.ts";
import { allRows, type ModelWeights, type WeightTensor } from "../formats/model-weights.ts";
import { throwIfAborted } from "../util/errors.ts";
import type { Work } from "../util/events.ts";
import { workFrom } from "../util/work-from.ts";

const STEP = "write weights";

/** Writes `path` atomically. */
export async function* writeGgufModel(path: string, weights: ModelWeights, signal?: AbortSignal): Work<void> {
  const started = performance.now();
  const total = weights.tensors.length;
  const progress = { type: "step-progress", stage: "build", step: STEP, total, unit: "tensors" } as const;
  yield { type: "step-start", stage: "build", step: STEP, total, unit: "tensors" };
  yield* workFrom(async (emit) => {
    const watched = async function* (tensor: WeightTensor, done: number) {
      for await (const bytes of allRows(tensor)) {
        throwIfAborted(signal, "Nothing was kept of the unfinished file.");
        yield bytes;
      }
      emit({ ...progress, done });
    };
    await writeGguf(
      path,
      weights.metadata,
      weights.tensors.map((tensor, index) => ({ ...tensor, data: () => watched(tensor, index + 1) })),
    );
  });
  yield { type: "step-end", stage: "build", step: STEP, seconds: (performance.now() - started) / 1000 };
}
