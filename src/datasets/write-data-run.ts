/**
 * Writes one run directory of `ilab data generate` under upstream's file names, the manifest last.
 * Whatever goes wrong before that leaves a directory that no reader takes for a finished run.
 */
import { join } from "node:path";
import { stringify } from "yaml";
import {
  type GeneratedLeaf,
  MANIFEST_FILE,
  type MessagesSample,
  type RunManifest,
  runManifestSchema,
} from "../artifacts.ts";
import { ilabVersion } from "../util/assets.ts";
import { toJsonLines, writeFileAtomic } from "../util/fs.ts";
import { localStamp, makeRunDirectory } from "../util/run-directory.ts";
import { type LeafSamples, leafSamples } from "./leaf-samples.ts";

export interface DataRunOptions {
  /** The run's directory is made inside. */
  outputDirectory: string;
  startedAt: Date;
  config: RunManifest["config"];
  inputs: RunManifest["inputs"];
  timings: RunManifest["timings"];
  now?: () => Date;
}

export interface DataRun {
  directory: string;
  /** The file to train on. */
  messagesFile: string;
  counts: Record<string, number>;
}

export async function writeDataRun(leaves: readonly GeneratedLeaf[], options: DataRunOptions): Promise<DataRun> {
  const { startedAt, now = () => new Date() } = options;
  const directory = await makeRunDirectory(options.outputDirectory, startedAt);
  const suffix = localStamp(startedAt).replace(/^(\S+)_(\d\d)(\d\d)(\d\d)$/, "$1T$2_$3_$4");
  const outputs: Record<string, string> = {};
  const write = async (role: string, name: string, content: string) => {
    await writeFileAtomic(join(directory, name), content);
    if (role !== "") outputs[role] = name;
  };
  const made = leaves.map((leaf) => ({ ...leaf, samples: leafSamples(leaf) }));
  const all = made.flatMap(({ samples }) => samples.closedBook);
  for (const { leaf, preprocessed, generated } of made) {
    await write("", `preprocessed_${suffix}/${leaf.name}.jsonl`, toJsonLines(preprocessed));
    await write("", `generated_${suffix}/${leaf.name}.jsonl`, toJsonLines(generated));
  }
  await write("messages", `messages_${suffix}.jsonl`, toJsonLines(all));
  await write("train", `train_${suffix}.jsonl`, toJsonLines(all.filter(isChat).map(legacyRow)));
  await write("test", `test_${suffix}.jsonl`, toJsonLines(made.flatMap(testRows)));
  await writeMixedSets(made, suffix, write);
  const drops = made.flatMap(({ leaf, drops }) => drops.map((drop) => ({ leaf: leaf.taxonomyPath, ...drop })));
  await write("log", "pipeline.log.jsonl", toJsonLines(drops));

  const sum = (count: (entry: (typeof made)[number]) => number) =>
    made.reduce((total, entry) => total + count(entry), 0);
  const counts = {
    leaves: made.length,
    generatedRows: sum(({ generated }) => generated.length),
    droppedRows: sum(({ drops }) => drops.reduce((total, { count }) => total + count, 0)),
    heldOutRefused: sum(({ samples }) => samples.heldOutCount),
    samples: all.length,
    pairs: all.filter(isChat).length,
    texts: all.filter((sample) => !isChat(sample)).length,
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
    outputs,
  });
  await writeFileAtomic(join(directory, MANIFEST_FILE), `${JSON.stringify(manifest, undefined, 2)}\n`);
  return { directory, messagesFile: join(directory, outputs["messages"]!), counts };
}

interface MadeLeaf extends GeneratedLeaf {
  samples: LeafSamples;
}

/** Per-leaf node datasets, the recipes that list them, and the mixed training sets that the recipes describe. */
async function writeMixedSets(
  made: readonly MadeLeaf[],
  suffix: string,
  write: (role: string, name: string, content: string) => Promise<void>,
): Promise<void> {
  const knowledge: { path: string; samples: MessagesSample[] }[] = [];
  const skills: { path: string; samples: MessagesSample[] }[] = [];
  for (const { leaf, samples } of made) {
    const path = (ending: string) => `node_datasets_${suffix}/${leaf.name}${ending}.jsonl`;
    if (leaf.kind === "knowledge") {
      const texts = samples.closedBook.filter((sample) => !isChat(sample));
      knowledge.push({ path: path("_p07"), samples: [...texts, ...samples.withDocument] });
      skills.push({ path: path("_p10"), samples: samples.closedBook.filter(isChat) });
    } else skills.push({ path: path(""), samples: samples.closedBook });
  }
  for (const [kind, sets] of [
    ["knowledge", knowledge],
    ["skills", skills],
  ] as const) {
    for (const { path, samples } of sets) await write("", path, toJsonLines(samples));
    const recipe = { datasets: sets.map(({ path }) => ({ path, sampling_size: 1.0 })) };
    await write(`${kind}_recipe`, `${kind}_recipe_${suffix}.yaml`, stringify(recipe));
    const mixed = sets.flatMap(({ samples }) => samples);
    if (mixed.length > 0) await write(`${kind}_train`, `${kind}_train_msgs_${suffix}.jsonl`, toJsonLines(mixed));
  }
}

function isChat({ messages }: MessagesSample): boolean {
  return messages.at(-1)?.role === "assistant";
}

function legacyRow({ messages }: MessagesSample) {
  const content = (role: string) => messages.find((message) => message.role === role)?.content ?? "";
  return { system: content("system"), user: content("user"), assistant: content("assistant") };
}

/** The seed pairs with their contexts, each once. */
function testRows({ leaf }: GeneratedLeaf) {
  return leaf.seedExamples.flatMap(({ context, pairs }) =>
    pairs.map(({ question, answer }) => ({
      user: context === undefined ? question.trim() : `${question.trim()}\n${context.trim()}`,
      assistant: answer.trim(),
      system: "",
    })),
  );
}
