/** What is trained, as the engine takes it, and what the student's file is called. */
import type { LoraOptions } from "./engine/lora-layout.ts";
import type { TrainingSettings } from "./training-settings.ts";

export type TrainingMethod = LoraOptions | "full";

export function trainingMethod(settings: TrainingSettings): TrainingMethod {
  if (settings.method === "full") return "full";
  const lora = {
    rank: settings.loraRank,
    alpha: settings.loraAlpha,
    isRankStabilized: settings.isRankStabilized,
    dropout: settings.loraDropout,
    targets: settings.loraTargets,
  };
  return lora;
}

/** An adapter goes with its base, a model stands alone; the role is the one in the run's manifest. */
export function studentOf(method: TrainingMethod): { role: "adapter" | "model"; file: string } {
  return method === "full" ? { role: "model", file: "model.gguf" } : { role: "adapter", file: "adapter.gguf" };
}
