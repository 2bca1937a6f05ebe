/** Reads a pipeline file in any form that is known here (upstream's pipelines, sdg_hub's flows) as one list of blocks to be made. */
import { dirname } from "node:path";
import { z } from "zod";
import { isHubFlow, translateHubFlow } from "./hub-flow.ts";
import { checkAgainst, parseYamlFile, pipelineError } from "./read-yaml-file.ts";

/** A block as the file asks for it, before its type is looked up. */
export interface PipelineEntry {
  name: string;
  type: string;
  config: unknown;
  dropColumns: string[];
  dropDuplicates: string[];
  /** Line of the entry, and of a place in its config. */
  line: number;
  configLine(path: readonly PropertyKey[]): number;
}

export interface PipelineFile {
  entries: PipelineEntry[];
  /** Files with block types of the user's own. */
  blockFiles: string[];
  /** Columns that the file itself says it needs. */
  requiredColumns: string[];
  auxiliaryInstructions: Record<string, string[]>;
  warnings: string[];
}

const columnList = z
  .array(z.string())
  .nullish()
  .transform((columns) => columns ?? []);

const pipelineSchema = z.strictObject({
  version: z
    .string({ error: `version must be a string in quotes, such as "1.0"` })
    .regex(/^\d+\.\d+$/, `version must look like "1.0"`),
  block_files: z.array(z.string()).default([]),
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
  datamixing: z.strictObject({ auxiliary_instructions: z.record(z.string(), z.array(z.string())).nullish() }).nullish(),
});

/** Throws `BAD_PIPELINE`. */
export async function readPipelineFile(file: string): Promise<PipelineFile> {
  const { value, lineOf } = await parseYamlFile(file);
  const place = (path: readonly PropertyKey[]) => `${file}:${lineOf(path)}`;
  if (isHubFlow(value)) return translateHubFlow(value, dirname(file), place, lineOf);
  const { version, block_files, blocks, datamixing } = checkAgainst(place, value, pipelineSchema);
  const [major, minor] = version.split(".").map(Number);
  if (major! > 1)
    throw pipelineError(`${file}: version ${version} is newer than 1.x, which this program reads`, "Update ilab.");
  const warnings =
    minor! > 0
      ? [`${file}: version ${version} is newer than 1.0; parts that this program does not know are errors`]
      : [];
  return {
    entries: blocks.map(({ name, type, config, drop_columns, drop_duplicates }, index) => ({
      name,
      type,
      config: config ?? {},
      dropColumns: drop_columns,
      dropDuplicates: drop_duplicates,
      line: lineOf(["blocks", index]),
      configLine: (path) => lineOf(["blocks", index, "config", ...path]),
    })),
    blockFiles: block_files,
    requiredColumns: [],
    auxiliaryInstructions: datamixing?.auxiliary_instructions ?? {},
    warnings,
  };
}
