/**
 * A pipeline file (version "1.0", upstream's format) read and checked as a whole: keys, block types, configs, prompts, and that
 * every block finds its columns. Nothing has been asked of a model when this fails.
 */
import { dirname } from "node:path";
import { z } from "zod";
import { sha256File } from "../util/hash.ts";
import type { Block } from "./block.ts";
import { checkAgainst, didYouMean, pipelineError, readYamlFile } from "./read-yaml-file.ts";
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
  sha256: string;
  steps: PipelineStep[];
}

const columnList = z.array(z.string()).default([]);
const pipelineSchema = z.strictObject({
  version: z
    .string({ error: `version must be a string in quotes, such as "1.0"` })
    .regex(/^\d+\.\d+$/, `version must look like "1.0"`),
  blocks: z
    .array(
      z.strictObject({
        name: z.string().min(1),
        type: z.string(),
        config: z.record(z.string(), z.unknown()).nullish(),
        drop_columns: columnList,
        drop_duplicates: columnList,
      }),
    )
    .min(1, "a pipeline needs at least one block"),
  datamixing: z.strictObject({ auxiliary_instructions: z.record(z.string(), z.array(z.string())) }).optional(),
});

/** @param columns the columns of the rows that the pipeline will be given. Throws `BAD_PIPELINE`. */
export async function loadPipeline(file: string, columns: readonly string[]): Promise<Pipeline> {
  const { version, blocks } = await readYamlFile(file, pipelineSchema);
  if (Number(version.split(".")[0]) > 1)
    throw pipelineError(`${file}: version ${version} is newer than 1.x, which this program reads`, "Update ilab.");
  const steps: PipelineStep[] = [];
  let present = [...columns];
  for (const entry of blocks) {
    const place = `${file}: block '${entry.name}'`;
    const definition = Object.hasOwn(blockRegistry, entry.type) ? blockRegistry[entry.type] : undefined;
    if (!definition) {
      const known = Object.keys(blockRegistry);
      throw pipelineError(
        `${place}: unknown type '${entry.type}'${didYouMean(entry.type, known)}`,
        `Known block types: ${known.join(", ")}.`,
      );
    }
    const config = checkAgainst(`${place}: config`, entry.config ?? {}, definition.configSchema);
    const block = await definition.create(config, dirname(file));
    needColumns(`${place} (${entry.type})`, block.inputColumns, present);
    present = block.outputColumns(present);
    needColumns(`${place}: drop_duplicates`, entry.drop_duplicates, present);
    present = present.filter((column) => !entry.drop_columns.includes(column));
    steps.push({
      name: entry.name,
      type: entry.type,
      block,
      dropColumns: entry.drop_columns,
      dropDuplicates: entry.drop_duplicates,
    });
  }
  return { file, sha256: await sha256File(file), steps };
}

function needColumns(place: string, needed: readonly string[], present: readonly string[]): void {
  const missing = needed.filter((column) => !present.includes(column));
  if (missing.length === 0) return;
  throw pipelineError(
    `${place}: needs ${missing.map((column) => `column '${column}'${didYouMean(column, present)}`).join(", ")}, which no earlier block makes`,
    `Columns there: ${present.join(", ")}.`,
  );
}
