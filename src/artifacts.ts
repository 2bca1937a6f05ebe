/**
 * The nouns that pass between the stages: their type and where on disk they live. Stages never import each other; they meet here.
 *
 *     taxonomy -> seeds -> pipeline -> datasets -> training -> checkpoints -> evaluation -> build
 */
import { z } from "zod";

/** One finding about a file, as data: text, GitHub annotations and editors render the same list. */
export interface Issue {
  /** Path as given to the check, relative to the working directory where it lies inside it. */
  file: string;
  /** 1-based; 1:1 where the whole file is meant. */
  line: number;
  column: number;
  severity: "error" | "warning";
  /** Stable, kebab-case: `missing-field`. */
  code: string;
  /** Path inside the YAML, such as `seed_examples[0].question`; empty for the document. */
  path: string;
  message: string;
  hint?: string;
}

export type LeafKind = "knowledge" | "grounded_skill" | "freeform_skill";

export interface QuestionAnswer {
  question: string;
  answer: string;
}

/** One seed example: a context with its pairs (knowledge, grounded skill) or pairs alone (freeform skill). */
export interface SeedExample {
  context?: string;
  pairs: QuestionAnswer[];
}

/** Where a knowledge leaf's documents come from: a git repository at a commit, or a folder beside the `qna.yaml`. */
export type DocumentSource =
  | { repo: string; commit: string; patterns: string[] }
  | { folder: string; patterns: string[] };

/** A validated `qna.yaml` with what belongs to it. */
export interface LeafNode {
  /** Absolute path of the `qna.yaml`. */
  file: string;
  /** Path parts below the taxonomy root joined by `->`, as upstream writes it: `knowledge->geography->veldermoor`. */
  taxonomyPath: string;
  /** `taxonomyPath` with `->` as `_`; names the leaf's files. */
  name: string;
  kind: LeafKind;
  createdBy: string;
  domain?: string;
  documentOutline?: string;
  taskDescription?: string;
  seedExamples: SeedExample[];
  document?: DocumentSource;
  /** Questions from `held_out.yaml` beside the `qna.yaml`; never trained on. */
  heldOut: QuestionAnswer[];
}

/** A piece of a leaf's documents, small enough for a prompt. */
export interface DocumentChunk {
  /** File name inside the document source. */
  source: string;
  /** Headings above the chunk, outermost first. */
  headings: string[];
  text: string;
  /** Of headings and text, counted or estimated for the teacher. */
  tokens?: number;
}

/** A leaf with its documents read and cut: what a pipeline starts from. */
export interface LeafSeeds {
  leaf: LeafNode;
  /** Empty for skills. */
  chunks: DocumentChunk[];
}

export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };
/** A row of a dataset; columns are named as upstream names them. */
export type Row = Record<string, JsonValue>;

/** Rows that one block refused for one reason. */
export interface DropRecord {
  block: string;
  reason: string;
  count: number;
  example: Row;
}

/** What a run, or a leaf, asked of its teacher. */
export const teacherUsageSchema = z.object({
  /** Requests that the model answered. */
  requests: z.number(),
  /** Answered from the call cache. */
  fromCache: z.number(),
  /** Equal to a request that was on its way. */
  shared: z.number(),
  failed: z.number(),
  /** Read and written by the model in this run. */
  promptTokens: z.number(),
  completionTokens: z.number(),
});
export type TeacherUsage = z.infer<typeof teacherUsageSchema>;

/** What a pipeline made of one leaf. */
export interface GeneratedLeaf {
  leaf: LeafNode;
  /** The rows that the pipeline started from. */
  preprocessed: Row[];
  generated: Row[];
  drops: DropRecord[];
  /** Questions to examine a student with: `mmlubench_question`, `mmlubench_answer`. */
  evaluationRows?: Row[];
  /** How a text of each `dataset_type` is asked for, from the pipeline's `datamixing` part. */
  auxiliaryInstructions?: Record<string, string[]>;
  /** What the leaf asked of its teacher. */
  usage?: TeacherUsage;
}

/** One training sample in upstream's messages format. */
export const messagesSampleSchema = z.object({
  messages: z
    .array(
      z.object({
        /** `system`, `user`, `assistant`, whatever else the model's chat template knows, or `pretraining`: a text to be learned whole. */
        role: z.string().regex(/^[\w. -]{1,64}$/, 'a role is one word, such as "user"'),
        content: z.string(),
        /** What the assistant thought before it answered; data sets use either name. */
        reasoning_content: z.string().nullish(),
        thinking: z.string().nullish(),
      }),
    )
    .min(1),
  /** JSON text, upstream's convention. */
  metadata: z.string().optional(),
  id: z.string().optional(),
  /** true: every role but `system` counts in the loss; otherwise the assistant's tokens alone. */
  unmask: z.boolean().optional(),
});
export type MessagesSample = z.infer<typeof messagesSampleSchema>;

const intervalSchema = z.object({ low: z.number(), high: z.number() });
const shareSchema = intervalSchema.extend({ correct: z.number(), total: z.number(), share: z.number() });
const comparedShareSchema = z.object({
  model: shareSchema,
  base: shareSchema.optional(),
  /** Questions that only the model, or only the base, got right. */
  gained: z.number().optional(),
  lost: z.number().optional(),
  /** Of the exact McNemar test. */
  pValue: z.number().optional(),
});

/** What one model did with one held-out question. */
export const heldOutAnswerSchema = z.object({
  answer: z.string(),
  isRecalled: z.boolean(),
  /** What the answer had to hold and did not. */
  missing: z.array(z.string()),
  rejected: z.enum(["refusal", "echo"]).optional(),
  /** Absent when the model gives no log-probabilities, or no wrong choices were found. */
  choice: z
    .object({
      /** Natural logarithms, in the order of the choices. */
      scores: z.array(z.object({ logLikelihood: z.number(), perCharacter: z.number() })),
      /** Index of the highest score per character. */
      picked: z.number(),
      isRight: z.boolean(),
      /** The same by the plain sum. */
      isRightBySum: z.boolean(),
    })
    .optional(),
});
export type HeldOutAnswer = z.infer<typeof heldOutAnswerSchema>;

const perplexitySchema = intervalSchema.extend({ perplexity: z.number() });

/** Result of an evaluation: every question, answer and score, and the figures made of them. Intervals are at 95 %. */
export const scorecardSchema = z.object({
  version: z.literal(1),
  createdAt: z.string(),
  seed: z.number(),
  /** What the user calls the models. */
  model: z.string(),
  baseModel: z.string().optional(),
  heldOut: z
    .object({
      recall: comparedShareSchema,
      multipleChoice: comparedShareSchema
        .extend({
          /** Expected share right by guessing. */
          chance: z.number(),
          bySum: z.object({ model: shareSchema, base: shareSchema.optional() }),
        })
        .optional(),
      questions: z.array(
        z.object({
          leaf: z.string(),
          question: z.string(),
          reference: z.string(),
          choices: z.array(z.object({ text: z.string(), isRight: z.boolean() })),
          model: heldOutAnswerSchema,
          base: heldOutAnswerSchema.optional(),
        }),
      ),
    })
    .optional(),
  forgetting: z
    .object({
      model: perplexitySchema,
      base: perplexitySchema.optional(),
      /** Perplexity of the model divided by that of the base. */
      ratio: intervalSchema.extend({ value: z.number() }).optional(),
      tokens: z.number(),
      passages: z.array(
        z.object({
          text: z.string(),
          tokens: z.number(),
          /** Natural logarithm of the passage's probability. */
          modelLogLikelihood: z.number(),
          baseLogLikelihood: z.number().optional(),
        }),
      ),
    })
    .optional(),
});
export type Scorecard = z.infer<typeof scorecardSchema>;

/** File that every run directory carries; written last, so its presence means that the run is complete. */
export const MANIFEST_FILE = "manifest.json";

export const runManifestSchema = z.object({
  stage: z.enum(["generate", "train", "evaluate", "demo"]),
  ilabVersion: z.string(),
  startedAt: z.string(),
  endedAt: z.string(),
  config: z.record(z.string(), z.unknown()),
  /** sha256 of every input that decides the outcome, by name. */
  inputs: z.record(z.string(), z.string()),
  counts: z.record(z.string(), z.number()),
  /** Seconds by step. */
  timings: z.record(z.string(), z.number()),
  /** What each leaf of a generation asked of its teacher. */
  usage: z.record(z.string(), teacherUsageSchema).optional(),
  /** Files the run made, relative to its directory, by role (`messages`, `adapter`). */
  outputs: z.record(z.string(), z.string()),
});
export type RunManifest = z.infer<typeof runManifestSchema>;

/** File that a training run begins with. A directory that has it but no manifest is an unfinished run. */
export const TRAINING_RUN_FILE = "run.json";

export const trainingRunSchema = z.object({
  version: z.literal(1),
  startedAt: z.string(),
  /** Where the base model was. */
  baseModelFile: z.string(),
  /** What the losses follow from, by name: hashes of the inputs, settings. Only the same again may continue the run. */
  identity: z.record(z.string(), z.unknown()),
});
export type TrainingRun = z.infer<typeof trainingRunSchema>;

/** How far a training is; with the vectors, all that its next step starts from. */
export const trainingProgressSchema = z.object({
  step: z.int().min(0),
  /** Samples and tokens seen, and seconds taken, since the first step. */
  samples: z.number(),
  tokens: z.number(),
  seconds: z.number(),
  /** Of the last step. */
  loss: z.number(),
  /** Lowest loss on the validation samples, and how often it was missed since. */
  best: z.object({ step: z.number(), loss: z.number() }).optional(),
  validationsSinceBest: z.number(),
  /** Type in which the frozen matrices are held: measured once, then kept. */
  holdType: z.string(),
  /** What changes no more than the last digits: program version, processor, threads. */
  environment: z.record(z.string(), z.union([z.string(), z.number()])),
});
export type TrainingProgress = z.infer<typeof trainingProgressSchema>;

/** The trained numbers and AdamW's moments, in the engine's order: large, so they are views of its memory. */
export interface TrainingVectors {
  parameters: Float32Array;
  firstMoments: Float32Array;
  secondMoments: Float32Array;
}

/** Why a checkpoint was made: to go on from, by samples, by epoch, lowest validation loss, asked for, stopped. */
export const checkpointReasonSchema = z.enum(["resume", "samples", "epoch", "best", "request", "stop"]);
export type CheckpointReason = z.infer<typeof checkpointReasonSchema>;

/** Record of a checkpoint, in its directory `<run>/checkpoints/step-000120`. */
export const CHECKPOINT_FILE = "checkpoint.json";

export const checkpointRecordSchema = z.object({
  version: z.literal(1),
  createdAt: z.string(),
  reasons: z.array(checkpointReasonSchema).min(1),
  progress: trainingProgressSchema,
  /** Loss on the validation samples at this very step. */
  validationLoss: z.number().optional(),
  /** The adapter or model that this step made. A mere point to go on from has none. */
  student: z.string().optional(),
  /** False once the vectors were given up for newer ones. */
  hasState: z.boolean(),
  files: z.record(z.string(), z.object({ sizeBytes: z.number(), sha256: z.string() })),
});
export type CheckpointRecord = z.infer<typeof checkpointRecordSchema>;

export interface Checkpoint extends CheckpointRecord {
  directory: string;
}

export interface CheckpointContent {
  reasons: CheckpointReason[];
  progress: TrainingProgress;
  vectors: TrainingVectors;
  validationLoss?: number;
  student?: { file: string; write: (path: string) => Promise<void> };
}

/** The checkpoints of one run. Training makes and reads them through this, wherever and however they are kept. */
export interface CheckpointStore {
  /** Whole or not at all. */
  save(content: CheckpointContent): Promise<Checkpoint>;
  /** Oldest first. */
  list(): Promise<Checkpoint[]>;
  /** Fills the vectors. Throws `CHECKPOINT_DAMAGED`. */
  restore(checkpoint: Checkpoint, vectors: TrainingVectors): Promise<void>;
  /** Copies the student with the lowest validation loss to `path`; undefined when there is none. Throws `CHECKPOINT_DAMAGED`. */
  copyBest(path: string): Promise<Checkpoint | undefined>;
  /** Gives up what nobody needs any more; `keepLast` 0 keeps all that were not made merely to go on from. */
  prune(options: { keepLast: number; isFinished: boolean }): Promise<void>;
}
