/** The seam of the generation stage: a block turns rows into rows and says beforehand which columns it needs and makes. */
import type { z } from "zod";
import type { LeafSeeds, Row } from "../artifacts.ts";
import type { GenerateRequest } from "../llm/language-model.ts";

export interface AskRequest extends Omit<GenerateRequest, "signal"> {
  /** What the answer is likely to be long, for estimates; 150 by default. */
  expectedTokens?: number;
}

export interface Answers {
  /** The first answer, and why it ended. */
  text: string;
  finishReason: "stop" | "length";
  /** Every wanted answer, `n` of the request. */
  texts: string[];
  /** The pipeline is only being rehearsed (`--dry-run`): the texts are placeholders (imagined.ts), and filters let their rows pass. */
  isImagined: boolean;
}

/** What a running block is given. */
export interface BlockContext {
  seeds: LeafSeeds;
  seed: number;
  /**
   * Asks the model. Equal requests are asked once, answers come from the call cache where they can, failures are tried again before they throw. A
   * block that lets the error pass loses that row only.
   */
  ask(request: AskRequest): Promise<Answers>;
  /** Counts a row that the block leaves out of its result, under a short reason that is the same for like rows. */
  drop(row: Row, reason: string): void;
}

interface BlockColumns {
  /** Columns without which the block cannot work. */
  readonly inputColumns: readonly string[];
  /** The columns of the result, given those of the input. */
  outputColumns(columns: readonly string[]): string[];
}

/** Works on one row at a time: rows stream through it. Never changes its input row; one that fails is dropped and does not end the run. */
export interface RowBlock extends BlockColumns {
  runRow(row: Row, context: BlockContext): Row[] | Promise<Row[]>;
}

/** Needs all rows of its leaf at once (majorities, agreement between rows); what comes before it is waited for. */
export interface TableBlock extends BlockColumns {
  run(rows: readonly Row[], context: BlockContext): Promise<Row[]>;
}

export type Block = RowBlock | TableBlock;

/** What a block is made with besides its own config. */
export interface BlockSettings {
  /** The block's name in its pipeline. */
  name: string;
  /** Answers wanted where a config says `n: scaled`. */
  scaleFactor: number;
  /** Model family whose prompt form is used instead of the teacher's own chat template. */
  modelFamily?: string;
  /** Replaces `max_tokens` in the blocks that write question-answer pairs about documents. */
  maxTokens?: number;
  /** Makes a block of another type inside this one. */
  createBlock(type: string, config: unknown): Promise<Block>;
  /** Called with every file that the block was made from: its content belongs to the pipeline's identity. */
  noteFile(file: string): void;
}

/** A block type as the registry knows it. */
export interface BlockDefinition<Config = unknown> {
  /** Name in pipeline files. */
  type: string;
  /** One line for listings. */
  summary: string;
  /** Whether it may ask the teacher. A pipeline in which no block does needs none. */
  asks?: boolean;
  /** Strict: unknown keys are refused. */
  configSchema: z.ZodType<Config>;
  /** Reads files relative to `directory`, the pipeline file's own. Throws `IlabError` when they are wrong. */
  create(config: Config, directory: string, settings: BlockSettings): Promise<Block>;
}

/** `columns` with `added` behind them, each once. */
export function withColumns(columns: readonly string[], ...added: string[]): string[] {
  return [...new Set([...columns, ...added])];
}

/** Erases the config type so that definitions of different blocks fit into one registry. */
export function defineBlock<Config>(definition: BlockDefinition<Config>): BlockDefinition {
  return definition as BlockDefinition as BlockDefinition<unknown>;
}

/** A cell as text: null and absent are empty. */
export function cellText(row: Row, column: string): string {
  const value = row[column];
  return value === undefined || value === null ? "" : String(value);
}
