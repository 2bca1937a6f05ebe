/** `ilab model evaluate`: what a model learned and what it forgot, beside its base. */
import { join, resolve } from "node:path";
import { Option } from "commander";
import type { Student } from "../../../llm/find-student.ts";
import { UsageError } from "../../../util/errors.ts";
import { runWork } from "../../../util/events.ts";
import type { CommandContext, RegisterCommand } from "../../command.ts";
import { examples } from "../../examples.ts";

interface EvaluateOptions {
  benchmark: string[];
  model: string;
  baseModel?: string;
  adapterFile?: string;
  taxonomyPath?: string;
  outputDir?: string;
  seed?: number;
}

export const register: RegisterCommand = (group, bind) => {
  group
    .command("evaluate")
    .description("Measure what a model learned (held_out) and what it forgot (forgetting), beside its base model.")
    .requiredOption("--benchmark <name>", "held_out or forgetting; give it twice for both", collect)
    .requiredOption("--model <model>", "name in the store, GGUF file, adapter, or directory of a training run")
    .option("--base-model <model>", "name or GGUF file to compare with; a training run names its own")
    .option("--adapter-file <file>", "LoRA adapter (GGUF) to put on --model")
    .option("--taxonomy-path <path>", "taxonomy or leaf whose held_out.yaml files are asked")
    .option("--output-dir <directory>", "where the results go; a new directory named by the time by default")
    .addOption(new Option("--seed <number>", "decides which wrong choices are offered").argParser(wholeNumber))
    .addHelpText(
      "after",
      examples(
        "ilab model evaluate --benchmark held_out --benchmark forgetting --model ./run --taxonomy-path ./taxonomy",
        "ilab model evaluate --benchmark forgetting --model adapter.gguf --base-model smollm2-135m",
      ),
    )
    .action(bind(evaluate));
};

async function evaluate(context: CommandContext, options: EvaluateOptions): Promise<void> {
  const { reporter, signal, paths } = context;
  const startedAt = new Date();
  const { prepareEvaluation } = await import("../../prepare-evaluation.ts");
  const { compareModels } = await import("../../../evaluation/compare-models.ts");
  const { openLocalModel } = await import("../../../llm/local-model.ts");
  const { writeEvaluation } = await import("../../../evaluation/write-evaluation.ts");
  const { plan, model, base, inputs } = await prepareEvaluation(context, options);
  const open = (student: Student) => ({
    name: student.name,
    open: () => openLocalModel({ file: student.modelFile, adapterFile: student.adapterFile, signal }),
  });
  const work = compareModels(plan, open(model), base && open(base), { signal });
  const scorecard = await runWork(work, (event) => reporter.event(event));

  const directory =
    options.outputDir === undefined
      ? join(paths.evaluations, startedAt.toISOString().slice(0, 19).replaceAll(":", "-"))
      : resolve(options.outputDir);
  const config = { ...options, model, base, seed: plan.seed };
  const path = await writeEvaluation(scorecard, { directory, startedAt, config, inputs });

  const { exampleAnswers, explainScorecard, scorecardTable } = await import(
    "../../../evaluation/describe-scorecard.ts"
  );
  const { formatTable } = await import("../../reporters/format-table.ts");
  const { head, rows } = scorecardTable(scorecard);
  reporter.print(`${formatTable(head, rows)}\n`);
  for (const answer of exampleAnswers(scorecard)) reporter.print(`${answer}\n`);
  for (const line of explainScorecard(scorecard)) reporter.print(line);
  reporter.print(`\nEvery question, answer and score: ${path}`);
  reporter.result({ path, ...scorecard });
}

function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`'${text}' is not a whole number`, "Give a seed such as 1.");
  return Number(text);
}
