/** `ilab data run`: a file of rows through a pipeline, without a taxonomy around them. */
import type { Row } from "../../../artifacts.ts";
import { UsageError } from "../../../util/errors.ts";
import { runWork } from "../../../util/events.ts";
import type { CommandContext, RegisterCommand } from "../../command.ts";
import { examples } from "../../examples.ts";
import { addGenerationFlags, type GenerationOptions, openGeneration, readGeneration } from "../../generation-flags.ts";

interface RunOptions extends Omit<GenerationOptions, "pipeline"> {
  input: string;
  output: string;
}

export const register: RegisterCommand = (group, bind) => {
  const command = group
    .command("run")
    .description("Send a file of rows through a pipeline or an sdg_hub flow.")
    .argument("<pipeline>", "pipeline file (YAML)")
    .requiredOption("--input <file>", "rows: .jsonl or .parquet")
    .requiredOption("--output <file>", "where the resulting rows go: .jsonl or .parquet");
  addGenerationFlags(command)
    .addHelpText(
      "after",
      examples("ilab data run flow.yaml --input rows.jsonl --output made.jsonl --endpoint-url http://127.0.0.1:8000"),
    )
    .action(bind<RunOptions>(run));
};

async function run(context: CommandContext, options: RunOptions, file: string): Promise<void> {
  const { reporter, paths } = context;
  const { resolve } = await import("node:path");
  const { loadConfig } = await import("../../../config/load-config.ts");
  const { readDataFile, writeDataFile } = await import("../../../formats/data-file.ts");
  const { loadPipeline } = await import("../../../pipeline/files/load-pipeline.ts");
  const { runPipeline } = await import("../../../pipeline/run-pipeline.ts");
  const { requireWritableFile } = await import("../../../util/fs.ts");
  await requireWritableFile(resolve(options.output));
  const given: Row[] = [];
  for await (const row of readDataFile(resolve(options.input))) given.push(row as Row);
  if (given.length === 0) throw new UsageError(`${options.input} holds no rows`);
  const { columns, rows } = asTable(given);
  const settings = readGeneration(context, options);
  const pipeline = await loadPipeline(resolve(file), columns, settings);
  for (const warning of pipeline.warnings) reporter.warn(warning);
  const { absentModel } = await import("../../../llm/absent-model.ts");
  await using model = pipeline.asks
    ? (await openGeneration(context, options, (await loadConfig(paths)).generate)).model
    : absentModel();
  const made = await runWork(runPipeline(rows, pipeline, { ...settings, model }), (event) => reporter.event(event));
  await writeDataFile(resolve(options.output), async function* () {
    yield* made.rows;
  });
  reporter.print(`${made.rows.length} rows of ${rows.length} in ${options.output}`);
  for (const { block, reason, count } of made.drops) reporter.print(`  ${count} dropped by ${block}: ${reason}`);
  reporter.result({ output: resolve(options.output), rows: made.rows.length, drops: made.drops, usage: made.usage });
}

/** A column that any row has is a column of all; where it is missing, it is null. */
function asTable(given: readonly Row[]): { columns: string[]; rows: Row[] } {
  const columns = [...new Set(given.flatMap((row) => Object.keys(row)))];
  const isWhole = (row: Row) => Object.keys(row).length === columns.length;
  const empty = Object.fromEntries(columns.map((column) => [column, null]));
  return { columns, rows: given.map((row) => (isWhole(row) ? row : { ...empty, ...row })) };
}
