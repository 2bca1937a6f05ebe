/** The seam of the generation stage: a block turns rows into rows and says beforehand which columns it needs and makes. */
import type { z } from "zod";
import type { LeafSeeds, Row } from "../artifacts.ts";
import type { GenerateRequest, GenerateResult } from "../llm/language-model.ts";

/** What a running block is given. */
export interface BlockContext {
  seeds: LeafSeeds;
  seed: number;
  /** Announces `count` model requests, for the progress display. Called once, before the first `ask`. */
  expect(count: number): void;
  /** Asks the model. Answers come from the call cache where they can; failures are tried again before they throw. */
  ask(request: Omit<GenerateRequest, "signal">): Promise<GenerateResult>;
  /** Counts a row that the block leaves out of its result, under a short reason that is the same for like rows. */
  drop(row: Row, reason: string): void;
}

export interface Block {
  /** Columns without which `run` cannot work. */
  readonly inputColumns: readonly string[];
  /** The columns of the result, given those of the input. */
  outputColumns(columns: readonly string[]): string[];
  /** Never changes its input rows. One bad row is dropped with its reason and does not end the run. */
  run(rows: readonly Row[], context: BlockContext): Promise<Row[]>;
}

/** A block type as the registry knows it. */
export interface BlockDefinition<Config = unknown> {
  /** Name in pipeline files. */
  type: string;
  /** One line for listings. */
  summary: string;
  /** Strict: unknown keys are refused. */
  configSchema: z.ZodType<Config>;
  /** Reads files relative to `directory`, the pipeline file's own. Throws `IlabError` when they are wrong. */
  create(config: Config, directory: string): Promise<Block>;
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
