/** The public API: names only. The verbs of the loop, the seam to language models, the formats, the nouns that pass between stages. */
export * from "./artifacts.ts";
export { openCheckpoints } from "./checkpoints/open-checkpoints.ts";
export { type ConvertRequest, convertModel, generateData, proveStudent, readSeeds, trainStudent } from "./flow.ts";
export { readGguf } from "./formats/gguf/read-gguf.ts";
export { writeGguf } from "./formats/gguf/write-gguf.ts";
export { type LoraAdapter, readLoraAdapter, writeLoraAdapter } from "./formats/lora-adapter.ts";
export { openEndpointModel } from "./llm/endpoint-model.ts";
export type {
  ChatMessage,
  GenerateRequest,
  GenerateResult,
  LanguageModel,
  Prompt,
  ScoreRequest,
  ScoreResult,
} from "./llm/language-model.ts";
export { openLocalModel } from "./llm/local-model.ts";
export { downloadModel } from "./models/download-model.ts";
export { listModels } from "./models/list-models.ts";
export { resolveModel } from "./models/resolve-model.ts";
export { readTaxonomy } from "./taxonomy/read-taxonomy.ts";
export { type TrainingSettings, trainingSettingsSchema } from "./training/training-settings.ts";
export { CancelledError, IlabError, UsageError } from "./util/errors.ts";
export { runWork, type Work, type WorkEvent } from "./util/events.ts";
