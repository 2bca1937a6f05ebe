/** `ilab data show`: a few samples as a person reads them, with what they were made from. */
import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { UsageError } from "../../../util/errors.ts";
import type { CommandContext, RegisterCommand } from "../../command.ts";
import { examples } from "../../examples.ts";
import { readWhole } from "../../read-whole.ts";

interface ShowOptions {
  leaf?: string;
  number?: string;
  count: string;
  seed: string;
}

export const register: RegisterCommand = (group, bind) => {
  group
    .command("show")
    .argument("[place]", "a run's directory, or a data file (.jsonl, .parquet); the newest run when left out")
    .description("Show a few samples and where they came from.")
    .option("--leaf <path>", "only samples of leaves with this in their path")
    .option("--number <n>", "this row of the file, instead of random ones")
    .option("--count <n>", "so many random samples", "3")
    .option("--seed <number>", "another seed shows others", "42")
    .addHelpText(
      "after",
      examples(
        "ilab data show",
        "ilab data show --leaf geography --count 5",
        "ilab data show messages.jsonl --number 12",
      ),
    )
    .action(bind<ShowOptions>(show));
};

async function show(context: CommandContext, options: ShowOptions, place?: string): Promise<void> {
  const { reporter } = context;
  const { showSamples } = await import("../../../datasets/show-samples.ts");
  const { file, teacher, pipeline } = await findFile(context, place);
  const number = options.number === undefined ? undefined : readWhole("--number", options.number, 1);
  const { total, samples } = await showSamples(file, {
    number,
    count: readWhole("--count", options.count, 1),
    seed: readWhole("--seed", options.seed, 0),
    leaf: options.leaf,
  });
  if (samples.length === 0)
    throw new UsageError(
      number !== undefined
        ? `${file} has ${total} rows, no row ${number}`
        : `${file} has no sample${options.leaf === undefined ? "" : ` of a leaf with '${options.leaf}' in its path`}`,
      "`ilab data list` shows the runs and their leaves.",
    );
  reporter.result({ file, teacher, pipeline, total, samples });
  const of = options.leaf === undefined ? `${total} rows` : `${total} rows of '${options.leaf}'`;
  reporter.print(`${file}: ${samples.length === 1 ? "one" : samples.length} of ${of}`);
  if (teacher !== undefined) reporter.print(`written by ${teacher} with the pipeline ${pipeline ?? "?"}`);
  for (const { number, turns, origin } of samples) {
    reporter.print(`\n${number}. ${origin.leaf ?? ""}`.trimEnd());
    for (const { role, content } of turns) reporter.print(`${indent(`${role}: ${content}`, "   ")}`);
    const { leaf: _, source, seed, ...kind } = origin;
    if (Object.keys(kind).length > 0) reporter.print(`   [${Object.values(kind).join(", ")}]`);
    if (seed !== undefined) reporter.print(indent(`after the example: ${shorten(seed)}`, "   "));
    if (source !== undefined) reporter.print(indent(`from: ${shorten(source)}`, "   "));
  }
}

async function findFile({ paths }: CommandContext, place?: string) {
  const { listDataRuns, readDataRun } = await import("../../../datasets/list-data-runs.ts");
  const { loadConfig } = await import("../../../config/load-config.ts");
  const path = resolve(place ?? (await loadConfig(paths)).generate.output_dir);
  if ((await stat(path).catch(() => undefined))?.isFile()) return { file: path, ...(await readDataRun(dirname(path))) };
  const run = (await readDataRun(path)) ?? (await listDataRuns(path))[0];
  if (run?.messagesFile !== undefined) return { file: run.messagesFile, ...run };
  throw new UsageError(
    `no training data in ${path}`,
    "Name a run's directory or a data file; `ilab data list` shows the runs.",
  );
}

/** Long texts by their beginning; the whole is in the file. */
function shorten(text: string): string {
  const flat = text.replace(/\s+/g, " ").trim();
  return flat.length <= 300 ? flat : `${flat.slice(0, 300)}…`;
}

/** Data comes from anywhere: what would steer the terminal is not printed. */
function indent(text: string, by: string): string {
  return by + text.replace(/[^\P{Cc}\n\t]/gu, "\ufffd").replaceAll("\n", `\n${by}`);
}
