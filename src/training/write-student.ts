/** What training made as a file that llama.cpp loads: the adapter beside its base, or after full fine-tuning the whole model. */
import type { GgufFile } from "../formats/gguf/types.ts";
import { writeLoraAdapter } from "../formats/lora-adapter.ts";
import { loraWeights } from "./engine/export-adapter.ts";
import type { TrainingEngine } from "./engine/training-engine.ts";
import type { TrainingMethod } from "./training-method.ts";
import { writeTrainedModel } from "./write-trained-model.ts";

export interface WriteStudentOptions {
  /** The base model. */
  file: GgufFile;
  method: TrainingMethod;
  /** Written into the metadata. */
  notes: Record<string, string>;
}

export async function writeStudent(path: string, engine: TrainingEngine, options: WriteStudentOptions): Promise<void> {
  const { layout, parameters, spec } = engine;
  const { file, method, notes } = options;
  if (method === "full") {
    await writeTrainedModel(path, file.path, layout, parameters, notes);
    return;
  }
  // The file states the scale as alpha / rank, whichever way it was chosen.
  const info = { architecture: spec.architecture, alpha: layout.scale * layout.rank, notes };
  await writeLoraAdapter(path, info, loraWeights(layout, parameters));
}
