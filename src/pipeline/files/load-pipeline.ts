/**
 * A pipeline file read and checked as a whole: keys, block types, configs, prompts, templates, and that every block finds its columns. All
 * findings are told at once, and nothing has been asked of a model when this fails.
 */
import { dirname, resolve } from "node:path";
import { IlabError } from "../../util/errors.ts";
import { sha256, sha256File } from "../../util/hash.ts";
import type { Block, BlockSettings } from "../block.ts";
import { openBlockTypes } from "../block-types.ts";
import { readPipelineFile } from "./read-pipeline-file.ts";
import { didYouMean, pipelineError } from "./read-yaml-file.ts";

export interface PipelineStep {
  name: string;
  type: string;
  block: Block;
  dropColumns: string[];
  dropDuplicates: string[];
}

export interface Pipeline {
  file: string;
  /** Of the file and of every prompt and block file that belongs to it. */
  sha256: string;
  steps: PipelineStep[];
  /** Whether any block may ask the teacher. */
  asks: boolean;
  /** How a text of each `dataset_type` is asked for in training data. */
  auxiliaryInstructions: Record<string, string[]>;
  warnings: string[];
}

export interface LoadPipelineOptions extends Partial<Pick<BlockSettings, "scaleFactor" | "modelFamily" | "maxTokens">> {
  /** Further files with block types, for pipelines that do not name them themselves. */
  blockFiles?: readonly string[];
}

/** Upstream's `sdg_scale_factor`. */
const SCALE_FACTOR = 30;

/** @param columns the columns of the rows that the pipeline will be given. Throws `BAD_PIPELINE`. */
export async function loadPipeline(
  file: string,
  columns: readonly string[],
  { blockFiles = [], scaleFactor = SCALE_FACTOR, modelFamily, maxTokens }: LoadPipelineOptions = {},
): Promise<Pipeline> {
  const read = await readPipelineFile(file);
  const warnings = [...read.warnings];
  const findings: IlabError[] = [];
  /** What comes of the work; undefined and one finding more when it fails. */
  const attempt = async <T>(place: string, work: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof IlabError)) throw error;
      const { message, hint, cause } = error;
      findings.push(pipelineError(message.startsWith(`${file}:`) ? message : `${place}: ${message}`, hint, cause));
      return undefined;
    }
  };

  const types = openBlockTypes(dirname(file), { scaleFactor, modelFamily, maxTokens });
  for (const path of read.blockFiles) await attempt(`${file}: block_files`, () => types.addFile(path));
  for (const path of blockFiles) await attempt(path, () => types.addFile(resolve(path)));
  await attempt(file, () => needColumns(`${file}: required_columns`, read.requiredColumns, columns));

  const steps: PipelineStep[] = [];
  // Undefined behind a block that could not be made: nobody knows what it would have added.
  let present: readonly string[] | undefined = columns;
  for (const entry of read.entries) {
    const { name, type, config, dropColumns, dropDuplicates } = entry;
    const place = `${file}:${entry.line}: block '${name}'`;
    warnings.push(...clientWarning(config).map((text) => `${place}: ${text}`));
    const configPlace = (path: readonly PropertyKey[]) => `${file}:${entry.configLine(path)}: block '${name}': config`;
    const block = await attempt(place, () => types.create(type, config, name, configPlace));
    const before: readonly string[] | undefined = present;
    present = undefined;
    if (block === undefined) continue;
    steps.push({ name, type, block, dropColumns, dropDuplicates });
    if (before === undefined) continue;
    await attempt(place, () => needColumns(`${place} (${type})`, block.inputColumns, before));
    const after: string[] | undefined = await attempt(place, () => block.outputColumns(before));
    if (after === undefined) continue;
    await attempt(place, () => needColumns(`${place}: drop_duplicates`, dropDuplicates, after));
    warnings.push(...dropWarnings(dropColumns, after).map((text) => `${place}: drop_columns: ${text}`));
    present = after.filter((column) => !dropColumns.includes(column));
  }
  if (findings.length > 0)
    throw pipelineError(findings.map(({ message }) => message).join("\n"), findings[0]!.hint, findings[0]!.cause);
  const hashes = await Promise.all([file, ...types.files].map((path) => sha256File(path)));
  return {
    file,
    sha256: sha256(hashes.join("\n")),
    steps,
    asks: types.ask,
    auxiliaryInstructions: read.auxiliaryInstructions,
    warnings,
  };
}

/** Upstream's blocks can name one of several servers. */
function clientWarning(config: unknown): string[] {
  const { client } = (config ?? {}) as { client?: unknown };
  if (typeof client !== "string" || client === "default") return [];
  return [`client '${client}' is not known here; the run's teacher is asked`];
}

/** Upstream's files drop columns that are not always there; a name that is nearly one that is there is a slip. */
function dropWarnings(dropped: readonly string[], present: readonly string[]): string[] {
  return dropped.flatMap((column) => {
    const meant = present.includes(column) ? "" : didYouMean(column, present);
    return meant === "" ? [] : [`there is no column '${column}'${meant}`];
  });
}

function needColumns(place: string, needed: readonly string[], present: readonly string[]): void {
  const missing = needed.filter((column) => !present.includes(column));
  if (missing.length === 0) return;
  throw pipelineError(
    `${place}: needs ${missing.map((column) => `column '${column}'${didYouMean(column, present)}`).join(", ")}, which no earlier block makes`,
    `Columns there: ${present.join(", ")}.`,
  );
}
