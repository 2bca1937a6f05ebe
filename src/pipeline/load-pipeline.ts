/**
 * A pipeline file read and checked as a whole: keys, block types, configs, prompts, templates, and that every block finds its columns. All
 * findings are told at once, and nothing has been asked of a model when this fails.
 */
import { dirname, isAbsolute, join } from "node:path";
import { IlabError } from "../util/errors.ts";
import { sha256, sha256File } from "../util/hash.ts";
import type { Block, BlockDefinition, BlockSettings } from "./block.ts";
import { loadBlockFile } from "./load-block-file.ts";
import { type PipelineEntry, readPipelineFile } from "./read-pipeline-file.ts";
import { checkAgainst, didYouMean, pipelineError } from "./read-yaml-file.ts";
import { blockRegistry } from "./registry.ts";

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
  options: LoadPipelineOptions = {},
): Promise<Pipeline> {
  const directory = dirname(file);
  const read = await readPipelineFile(file);
  const { entries, auxiliaryInstructions } = read;
  const warnings = [...read.warnings];
  const files = [file];
  const findings: IlabError[] = [];
  /** What comes of the work, or undefined and one finding more. */
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

  const types: Record<string, BlockDefinition> = { ...blockRegistry };
  const addFile = async (path: string, type?: string): Promise<void> => {
    files.push(path);
    for (const definition of await loadBlockFile(path)) types[type ?? definition.type] = definition;
  };
  for (const path of read.blockFiles) await attempt(`${file}: block_files`, () => addFile(absolute(path, directory)));
  for (const path of options.blockFiles ?? []) await attempt(path, () => addFile(path));

  const createBlock = async (
    type: string,
    config: unknown,
    place: (path: readonly PropertyKey[]) => string,
    name: string,
  ): Promise<Block> => {
    if (isFile(type) && !Object.hasOwn(types, type)) await addFile(absolute(type, directory), type);
    const definition = Object.hasOwn(types, type) ? types[type] : undefined;
    if (!definition) throw unknownType(type, Object.keys(types));
    const { scaleFactor = SCALE_FACTOR, modelFamily, maxTokens } = options;
    return await definition.create(checkAgainst(place, config, definition.configSchema), directory, {
      name,
      scaleFactor,
      modelFamily,
      maxTokens,
      createBlock: (inner, innerConfig) => createBlock(inner, innerConfig, place, name),
      noteFile: (path) => files.push(path),
    });
  };

  const steps: PipelineStep[] = [];
  // Undefined behind a block that could not be made: nobody knows what it would have added.
  let present: string[] | undefined = [...columns];
  await attempt(file, () => needColumns(`${file}: required_columns`, read.requiredColumns, columns));
  for (const entry of entries) {
    const { name, type, dropColumns, dropDuplicates } = entry;
    const place = `${file}:${entry.line}: block '${name}'`;
    const { client } = (entry.config ?? {}) as { client?: unknown };
    if (typeof client === "string" && client !== "default")
      warnings.push(`${place}: client '${client}' is not known here; the run's teacher is asked`);
    const block: Block | undefined = await attempt(place, () =>
      createBlock(type, entry.config, configPlace(file, entry), name),
    );
    if (block === undefined) {
      present = undefined;
      continue;
    }
    if (present !== undefined) {
      const before: string[] = present;
      await attempt(place, () => needColumns(`${place} (${type})`, block.inputColumns, before));
      const after = block.outputColumns(before);
      for (const column of dropColumns.filter((column) => !after.includes(column))) {
        const meant = didYouMean(column, after);
        if (meant !== "") warnings.push(`${place}: drop_columns: there is no column '${column}'${meant}`);
      }
      await attempt(place, () => needColumns(`${place}: drop_duplicates`, dropDuplicates, after));
      present = after.filter((column) => !dropColumns.includes(column));
    }
    steps.push({ name, type, block, dropColumns, dropDuplicates });
  }
  if (findings.length > 0)
    throw pipelineError(findings.map(({ message }) => message).join("\n"), findings[0]!.hint, findings[0]!.cause);
  const hashes = await Promise.all([...new Set(files)].map((path) => sha256File(path)));
  return { file, sha256: sha256(hashes.join("\n")), steps, auxiliaryInstructions, warnings };
}

function configPlace(file: string, { name, configLine }: PipelineEntry): (path: readonly PropertyKey[]) => string {
  return (path) => `${file}:${configLine(path)}: block '${name}': config`;
}

/** `type: ./my-block.mjs`. */
function isFile(type: string): boolean {
  return /\.[cm]?js$/.test(type);
}

function absolute(path: string, directory: string): string {
  return isAbsolute(path) ? path : join(directory, path);
}

function unknownType(type: string, known: readonly string[]): IlabError {
  return pipelineError(
    `unknown type '${type}'${didYouMean(type, known)}`,
    `Known block types: ${known.join(", ")}. Blocks of your own: type: ./file.mjs, or block_files.`,
  );
}

function needColumns(place: string, needed: readonly string[], present: readonly string[]): void {
  const missing = needed.filter((column) => !present.includes(column));
  if (missing.length === 0) return;
  throw pipelineError(
    `${place}: needs ${missing.map((column) => `column '${column}'${didYouMean(column, present)}`).join(", ")}, which no earlier block makes`,
    `Columns there: ${present.join(", ")}.`,
  );
}
