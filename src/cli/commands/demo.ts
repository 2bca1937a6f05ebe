/** `ilab demo`: the whole loop on the example taxonomy with the program's own defaults, and a verdict. */
import type { Scorecard } from "../../artifacts.ts";
import { IlabError } from "../../util/errors.ts";
import { runWork, type Work } from "../../util/events.ts";
import type { CommandContext, RegisterCommand } from "../command.ts";
import { ensureModel } from "../ensure-model.ts";
import { examples } from "../examples.ts";

/** What the demo promises: recall of held-out questions, and how much harder general text may become. */
const LEAST_RECALL = 0.6;
const MOST_FORGETTING = 1.5;

export const register: RegisterCommand = (group, bind) => {
  group
    .command("demo")
    .description("Run the whole loop on an example: check, generate, train, evaluate, ask.")
    .addHelpText("after", examples("ilab demo --yes"))
    .action(bind(demo));
};

async function demo(context: CommandContext): Promise<void> {
  const { reporter, paths, signal } = context;
  const { join } = await import("node:path");
  const flow = await import("../../flow.ts");
  const { openLocalModel } = await import("../../llm/local-model.ts");
  const { summariseRun } = await import("../../datasets/summarise-run.ts");
  const { explainScorecard, scorecardTable } = await import("../../evaluation/describe-scorecard.ts");
  const { formatTable } = await import("../reporters/format-table.ts");
  const { trainingSettingsSchema } = await import("../../training/training-settings.ts");
  const { createConfigSchema } = await import("../../config/config-schema.ts");
  const { packageRoot } = await import("../../util/assets.ts");
  const { readSamples } = await import("../read-samples.ts");
  const { writeDemoManifest } = await import("../write-demo-manifest.ts");
  const { makeRunDirectory } = await import("../../util/run-directory.ts");

  const startedAt = new Date();
  const defaults = createConfigSchema(paths).parse({});
  const modelFile = await ensureModel(context, defaults.train.model_path);
  const directory = await makeRunDirectory(paths.demo, startedAt);
  const taxonomyPath = join(packageRoot, "examples", "taxonomy");
  const run = <Result>(work: Work<Result>) => runWork(work, (event) => reporter.event(event));
  const open = (file: string, adapterFile?: string) => openLocalModel({ file, adapterFile, signal });

  reporter.print(`\n1. Check. The example taxonomy holds what two people wrote: ${taxonomyPath}`);
  const seeds = await run(
    flow.readSeeds(taxonomyPath, { base: "empty", cacheDirectory: join(paths.cache, "documents"), signal }),
  );
  for (const { leaf } of seeds)
    reporter.print(
      `   ${leaf.taxonomyPath}: valid, ${leaf.seedExamples.length} seed examples, ${leaf.heldOut.length} questions held out`,
    );

  reporter.print(
    "\n2. Generate. The model reads the document and writes many questions and answers from the few examples.",
  );
  const generated = await (async () => {
    await using model = await open(modelFile);
    const options = {
      model,
      pipeline: "compact",
      outputDirectory: join(directory, "datasets"),
      cacheDirectory: join(paths.cache, "calls"),
      signal,
    };
    return await run(flow.generateData(seeds, options));
  })();
  reporter.print(summariseRun(generated.directory, generated.leaves, await readSamples(generated.messagesFile)));

  reporter.print("\n3. Train. The same model learns them, held to what it was before by texts that it wrote itself.");
  const trained = await run(
    flow.trainStudent({
      modelFile,
      dataFile: generated.messagesFile,
      outputDirectory: join(directory, "checkpoints"),
      cacheDirectory: paths.cache,
      settings: trainingSettingsSchema.parse({}),
      openBaseModel: () => open(modelFile),
      signal,
    }),
  );

  reporter.print(
    "\n4. Evaluate. Both models answer questions that were in no training data, without the document at hand.",
  );
  const leaves = seeds.map(({ leaf }) => leaf);
  const proof = await run(
    flow.proveStudent({
      modelFile,
      adapterFile: trained.studentFile,
      leaves,
      outputDirectory: join(directory, "evaluation"),
      open,
      signal,
    }),
  );
  const { head, rows } = scorecardTable(proof.scorecard);
  reporter.print(`${formatTable(head, rows)}\n${explainScorecard(proof.scorecard).join("\n")}`);

  const asked = proof.scorecard.heldOut!.questions.find(({ model, base }) => model.isRecalled && !base?.isRecalled);
  if (asked !== undefined)
    reporter.print(
      `\n5. Ask. ${asked.question}\n   before: ${asked.base?.answer.trim()}\n   after:  ${asked.model.answer.trim()}\n   (right: ${asked.reference})`,
    );
  await writeDemoManifest(directory, startedAt, { generated, trained, proof });
  reporter.print(
    `\nEverything of this run is in ${directory}\nTalk to the student:  npx ilab model chat --model ${trained.directory}`,
  );
  const problem = verdict(proof.scorecard);
  reporter.result({ directory, student: trained.directory, scorecard: proof.path, passed: problem === undefined });
  if (problem !== undefined) throw new IlabError({ code: "DEMO_FAILED", message: problem, hint: `See ${proof.path}.` });
}

function verdict({ heldOut, forgetting }: Scorecard): string | undefined {
  const recall = heldOut!.recall.model;
  const ratio = forgetting!.ratio!.value;
  if (recall.share < LEAST_RECALL)
    return `only ${recall.correct} of ${recall.total} held-out questions were recalled, ${LEAST_RECALL * 100} % were expected`;
  if (ratio > MOST_FORGETTING)
    return `perplexity on general text rose ${ratio.toFixed(2)} times, at most ${MOST_FORGETTING} was expected`;
  return undefined;
}
