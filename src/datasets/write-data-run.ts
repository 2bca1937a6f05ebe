/**
 * Writes one run directory of `ilab data generate` under upstream's file names, the manifest last.
 * Whatever goes wrong before that leaves a directory that no reader takes for a finished run.
 */
import { join } from "node:path";
import {
  type GeneratedLeaf,
  MANIFEST_FILE,
  type MessagesSample,
  type RunManifest,
  runManifestSchema,
} from "../artifacts.ts";
import { type JsonStyle, toStyledJsonLine } from "../formats/jsonl-styles.ts";
import { ilabVersion } from "../util/assets.ts";
import { runWork } from "../util/events.ts";
import { toJsonLines, writeFileAtomic } from "../util/fs.ts";
import { localStamp, makeRunDirectory } from "../util/run-directory.ts";
import { leafSamples } from "./leaf-samples.ts";
import { mixRecipe } from "./mix-recipe.ts";
import { readRecipe } from "./recipe.ts";
import { usableRows } from "./usable-rows.ts";
import { writeNodeDatasets } from "./write-node-datasets.ts";

export interface DataRunOptions {
  /** The run's directory is made inside. */
  outputDirectory: string;
  startedAt: Date;
  config: RunManifest["config"];
  inputs: RunManifest["inputs"];
  timings: RunManifest["timings"];
  /** For what is drawn at random: which documents distract, which rows are mixed. */
  seed?: number;
  /** What the student is told before every conversation; see system-prompt.ts. */
  systemPrompt?: string;
  /** Where `sdg/default_data_recipes/` may lie, best first. */
  dataDirectories?: readonly string[];
  now?: () => Date;
}

export interface DataRun {
  directory: string;
  /** The file to train on. */
  messagesFile: string;
  counts: Record<string, number>;
}

export async function writeDataRun(given: readonly GeneratedLeaf[], options: DataRunOptions): Promise<DataRun> {
  const leaves = withDistinctNames(given);
  const { startedAt, seed = 42, systemPrompt, dataDirectories = [], now = () => new Date() } = options;
  const directory = await makeRunDirectory(options.outputDirectory, startedAt);
  const suffix = localStamp(startedAt).replace(/^(\S+)_(\d\d)(\d\d)(\d\d)$/, "$1T$2_$3_$4");
  const outputs: Record<string, string> = {};
  const write = async (role: string, name: string, content: string) => {
    await writeFileAtomic(join(directory, name), content);
    if (role !== "") outputs[role] = name;
  };
  const writeRows = (role: string, name: string, rows: readonly unknown[], style: JsonStyle = "python") =>
    write(role, name, rows.map((row) => toStyledJsonLine(row, style)).join(""));

  const made = leaves.map((generated) => {
    const usable = usableRows(generated);
    return { generated, usable, samples: leafSamples(generated, usable, systemPrompt) };
  });
  const all = made.flatMap(({ samples }) => samples);
  for (const { leaf, preprocessed, generated } of leaves) {
    await writeRows("", `preprocessed_${suffix}/${leaf.name}.jsonl`, preprocessed);
    await writeRows("", `generated_${suffix}/${leaf.name}.jsonl`, generated);
  }
  await writeRows("messages", `messages_${suffix}.jsonl`, all);
  const legacyRows = all.filter(isChat).map((sample) => legacyRow(sample, systemPrompt));
  await writeRows("train", `train_${suffix}.jsonl`, legacyRows);
  const testRows = leaves.flatMap((generated) => seedRows(generated, systemPrompt));
  await writeRows("test", `test_${suffix}.jsonl`, testRows);

  const recipes = await writeNodeDatasets(made, {
    directory,
    suffix,
    seed,
    systemPrompt,
    dataDirectories,
    writeRows,
    write,
  });
  for (const kind of ["knowledge", "skills"] as const) {
    const name = `${kind}_recipe_${suffix}.yaml`;
    await write(`${kind}_recipe`, name, recipes[kind]);
    const recipe = await readRecipe(join(directory, name));
    if (recipe.datasets.length === 0) continue;
    const mixedName = `${kind}_train_msgs_${suffix}.jsonl`;
    await runWork(
      mixRecipe(recipe, { outputFile: join(directory, mixedName), systemPrompt, seed, sampling: "distinct" }),
    );
    outputs[`${kind}_train`] = mixedName;
  }
  const drops = made.flatMap(({ generated: { leaf, drops }, usable }) =>
    [...drops, ...usable.drops].map((drop) => ({ leaf: leaf.taxonomyPath, ...drop })),
  );
  await write("log", "pipeline.log.jsonl", toJsonLines(drops));

  const sum = (count: (entry: (typeof made)[number]) => number) =>
    made.reduce((total, entry) => total + count(entry), 0);
  const counts = {
    leaves: made.length,
    generatedRows: sum(({ generated }) => generated.generated.length),
    droppedRows: drops.reduce((total, { count }) => total + count, 0),
    heldOutRefused: sum(({ usable }) => usable.heldOutCount),
    samples: all.length,
    pairs: all.filter(isChat).length,
    texts: all.filter((sample) => !isChat(sample)).length,
    requests: leaves.reduce((total, { usage }) => total + (usage?.requests ?? 0), 0),
    promptTokens: leaves.reduce((total, { usage }) => total + (usage?.promptTokens ?? 0), 0),
    completionTokens: leaves.reduce((total, { usage }) => total + (usage?.completionTokens ?? 0), 0),
  };
  const manifest: RunManifest = runManifestSchema.parse({
    stage: "generate",
    ilabVersion,
    startedAt: startedAt.toISOString(),
    endedAt: now().toISOString(),
    config: options.config,
    inputs: options.inputs,
    counts,
    timings: options.timings,
    usage: Object.fromEntries(leaves.flatMap(({ leaf, usage }) => (usage ? [[leaf.taxonomyPath, usage]] : []))),
    outputs,
  });
  await writeFileAtomic(join(directory, MANIFEST_FILE), `${JSON.stringify(manifest, undefined, 2)}\n`);
  return { directory, messagesFile: join(directory, outputs["messages"]!), counts };
}

/** `a/b_c` and `a_b/c` have one name: the second would overwrite the files of the first. */
function withDistinctNames(leaves: readonly GeneratedLeaf[]): GeneratedLeaf[] {
  const taken = new Set<string>();
  return leaves.map((generated) => {
    const { leaf } = generated;
    let name = leaf.name;
    for (let number = 2; taken.has(name); number++) name = `${leaf.name}_${number}`;
    taken.add(name);
    return { ...generated, leaf: { ...leaf, name } };
  });
}

function isChat({ messages }: MessagesSample): boolean {
  return messages.at(-1)?.role === "assistant";
}

function legacyRow({ messages }: MessagesSample, systemPrompt = "") {
  const content = (role: string) => messages.find((message) => message.role === role)?.content ?? "";
  return { system: systemPrompt, user: content("user"), assistant: content("assistant") };
}

/** The seed pairs with their contexts, each once. */
function seedRows({ leaf }: GeneratedLeaf, systemPrompt = "") {
  return leaf.seedExamples.flatMap(({ context, pairs }) =>
    pairs.map(({ question, answer }) => ({
      user: context === undefined ? question.trim() : `${question.trim()}\n${context.trim()}`,
      assistant: answer.trim(),
      system: systemPrompt,
    })),
  );
}
