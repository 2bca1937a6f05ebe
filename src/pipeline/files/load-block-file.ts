/** Block types that users write in a JavaScript file of their own: its default export is one definition, or a list of them. */
import { pathToFileURL } from "node:url";
import { z } from "zod";
import type { Row } from "../../artifacts.ts";
import type { Block, BlockDefinition, BlockSettings } from "../block.ts";
import { pipelineError } from "./read-yaml-file.ts";

/** What a definition in a user's file may hold. */
interface UserDefinition {
  /** Name in pipeline files; may be left out where the file itself is the type. */
  type?: string;
  summary?: string;
  /** JSON Schema of the config, or a zod schema; without it every config is accepted. */
  configSchema?: object;
  create(config: unknown, directory: string, settings: BlockSettings): Block | Promise<Block>;
}

const definitionSchema = z.strictObject({
  type: z.string().min(1).optional(),
  summary: z.string().optional(),
  configSchema: z.custom<object>((value) => typeof value === "object" && value !== null).optional(),
  create: z.custom<UserDefinition["create"]>((value) => typeof value === "function", "must be a function"),
});

/** Runs the file's code: a pipeline with block files is a program. Throws `BAD_PIPELINE`. */
export async function loadBlockFile(file: string): Promise<BlockDefinition[]> {
  let exported: unknown;
  try {
    exported = ((await import(pathToFileURL(file).href)) as { default?: unknown }).default;
  } catch (cause) {
    throw pipelineError(`${file}: cannot be loaded: ${(cause as Error).message}`, undefined, cause);
  }
  const list = [exported].flat();
  return await Promise.all(list.map((value) => readDefinition(value, file, list.length > 1)));
}

async function readDefinition(value: unknown, file: string, isOneOfSeveral: boolean): Promise<BlockDefinition> {
  const checked = definitionSchema.safeParse(value);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw pipelineError(`${file}: the default export is no block: ${issue!.path.join(".")} ${issue!.message}`.trim());
  }
  const { type = file, summary = "", configSchema, create } = checked.data;
  if (checked.data.type === undefined && isOneOfSeveral)
    throw pipelineError(`${file}: each of several blocks needs a 'type'`);
  return {
    type,
    asks: true,
    summary,
    configSchema: await schemaOf(configSchema, file),
    async create(config, directory, settings) {
      let block: unknown;
      try {
        block = await create(config, directory, settings);
      } catch (cause) {
        throw pipelineError((cause as Error).message, `Thrown by ${file}.`, cause);
      }
      return guarded(block, file);
    },
  };
}

async function schemaOf(schema: object | undefined, file: string): Promise<z.ZodType<unknown>> {
  if (schema === undefined) return z.unknown();
  if ("safeParse" in schema) return schema as z.ZodType<unknown>;
  const { Ajv2020 } = await import("ajv/dist/2020.js");
  let validate: ReturnType<InstanceType<typeof Ajv2020>["compile"]>;
  try {
    validate = new Ajv2020({ allErrors: true, strict: false, useDefaults: true }).compile(schema);
  } catch (cause) {
    throw pipelineError(`${file}: configSchema: ${(cause as Error).message}`, undefined, cause);
  }
  return z.unknown().transform((config, context) => {
    // Defaults of the schema are filled in; the file's own value stays as it is.
    const filled: unknown = structuredClone(config);
    if (!validate(filled))
      for (const { instancePath, message, params } of validate.errors ?? []) {
        const named = "additionalProperty" in params ? ` '${String(params["additionalProperty"])}'` : "";
        context.addIssue({ code: "custom", path: instancePath.split("/").slice(1), message: `${message}${named}` });
      }
    return filled;
  });
}

/** A mistake in a user's block is told in words that name it, whatever it returns. */
function guarded(value: unknown, file: string): Block {
  const block = value as Partial<Extract<Block, { runRow: unknown }> & Extract<Block, { run: unknown }>> | null;
  const { inputColumns = [], outputColumns, runRow, run } = block ?? {};
  if (typeof outputColumns !== "function" || (typeof runRow !== "function" && typeof run !== "function"))
    throw pipelineError(
      `${file}: create must return { inputColumns, outputColumns(columns), runRow(row, context) or run(rows, context) }`,
    );
  const columns = {
    inputColumns,
    outputColumns(present: readonly string[]): string[] {
      let made: unknown;
      try {
        made = outputColumns.call(block, [...present]);
      } catch (cause) {
        throw pipelineError(`outputColumns: ${(cause as Error).message}`, `Thrown by ${file}.`, cause);
      }
      if (isNameList(made)) return made;
      throw pipelineError(`${file}: outputColumns must return a list of names`);
    },
  };
  if (!isNameList(inputColumns)) throw pipelineError(`${file}: inputColumns must be a list of names`);
  const rowsOf = (made: unknown): Row[] => {
    if (Array.isArray(made) && made.every((row) => typeof row === "object" && row !== null && !Array.isArray(row)))
      return made as Row[];
    throw pipelineError(`${file}: a block returns a list of rows, each an object`);
  };
  if (typeof runRow === "function")
    return { ...columns, runRow: async (row, context) => rowsOf(await runRow.call(block, { ...row }, context)) };
  return {
    ...columns,
    run: async (rows, context) =>
      rowsOf(
        await run!.call(
          block,
          rows.map((row) => ({ ...row })),
          context,
        ),
      ),
  };
}

function isNameList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((name) => typeof name === "string");
}
