/** One leaf, one set: the files below `node_datasets_…`, and the two recipes that say how the sets are mixed. */
import { join } from "node:path";
import type { GeneratedLeaf } from "../artifacts.ts";
import type { JsonStyle } from "../formats/jsonl-styles.ts";
import { readDefaultRecipe, recipeRows } from "./default-recipe.ts";
import { knowledgeSamples } from "./knowledge-samples.ts";
import { harnessTask, multipleChoiceRows } from "./question-file.ts";
import { formatRecipe, type SamplingSize } from "./recipe.ts";
import { skillSamples } from "./skill-samples.ts";
import type { UsableRows } from "./usable-rows.ts";

/** A skill is learned from about so many samples, however many were generated: no skill outweighs the others. */
const ROWS_PER_SKILL = 30;
/** Knowledge below this share of the pre-computed skills would be forgotten among them, and is repeated up to it. */
const MIN_UPSAMPLE_THRESHOLD = 0.03;

export interface NodeDatasetOptions {
  directory: string;
  suffix: string;
  seed: number;
  systemPrompt: string | undefined;
  dataDirectories: readonly string[];
  writeRows(role: string, name: string, rows: readonly unknown[], style: JsonStyle): Promise<void>;
  write(role: string, name: string, content: string): Promise<void>;
}

/** @returns the recipes' text. Leaves without rows have no files and stand in no recipe. */
export async function writeNodeDatasets(
  leaves: readonly { generated: GeneratedLeaf; usable: UsableRows }[],
  options: NodeDatasetOptions,
): Promise<{ knowledge: string; skills: string }> {
  const { directory, suffix, seed, systemPrompt, dataDirectories } = options;
  const knowledge = await readDefaultRecipe("knowledge", dataDirectories);
  const skills = await readDefaultRecipe("skills", dataDirectories);
  const precomputedRows = await recipeRows(skills);
  const add = async (recipe: typeof skills, name: string, rows: readonly unknown[], size: SamplingSize) => {
    if (rows.length === 0) return;
    const path = `node_datasets_${suffix}/${name}.jsonl`;
    await options.writeRows("", path, rows, "pandas");
    recipe.datasets.push({ path, size });
  };
  for (const { generated, usable } of leaves) {
    const { leaf, evaluationRows = [] } = generated;
    if (leaf.kind === "knowledge") {
      const { p07, p10 } = knowledgeSamples(generated, usable, seed);
      const isRare = p10.length < MIN_UPSAMPLE_THRESHOLD * precomputedRows;
      const size: SamplingSize = isRare ? { count: Math.trunc(MIN_UPSAMPLE_THRESHOLD * precomputedRows) } : "all";
      await add(knowledge, `${leaf.name}_p07`, p07, "all");
      await add(skills, `${leaf.name}_p10`, p10, size);
    } else await add(skills, leaf.name, skillSamples(leaf, usable, systemPrompt), { count: ROWS_PER_SKILL });

    const questions = multipleChoiceRows(evaluationRows);
    if (questions.length === 0) continue;
    const file = `node_datasets_${suffix}/mmlubench_${leaf.name}.jsonl`;
    await options.writeRows("", file, questions, "pandas");
    const task = harnessTask(leaf.name, join(directory, file));
    await options.write("", `node_datasets_${suffix}/${leaf.name}_task.yaml`, task);
  }
  return {
    knowledge: formatRecipe({ ...knowledge, systemPrompt }),
    skills: formatRecipe({ ...skills, systemPrompt }),
  };
}
