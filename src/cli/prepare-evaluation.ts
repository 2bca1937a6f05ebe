/** What `ilab model evaluate` needs before it can ask anything: the models found, the questions read, everything hashed. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import {
  type BenchmarkName,
  benchmarkNames,
  type EvaluationPlan,
  planEvaluation,
} from "../evaluation/plan-evaluation.ts";
import { findStudent, type Student } from "../llm/find-student.ts";
import { readTaxonomy } from "../taxonomy/read-taxonomy.ts";
import { assetPath } from "../util/assets.ts";
import { closestName } from "../util/did-you-mean.ts";
import { UsageError } from "../util/errors.ts";
import { sha256, sha256File } from "../util/hash.ts";
import type { CommandContext } from "./command.ts";
import { ensureModel } from "./ensure-model.ts";

export interface PreparedEvaluation {
  plan: EvaluationPlan;
  model: Student;
  base?: Student;
  /** sha256 by role. */
  inputs: Record<string, string>;
}

export interface PrepareEvaluationOptions {
  benchmark: string[];
  model: string;
  baseModel?: string;
  adapterFile?: string;
  taxonomyPath?: string;
  seed?: number;
}

export async function prepareEvaluation(
  context: CommandContext,
  options: PrepareEvaluationOptions,
): Promise<PreparedEvaluation> {
  const benchmarks = options.benchmark.map(benchmarkName);
  const needsLeaves = benchmarks.includes("held_out");
  const leaves = needsLeaves ? await readLeaves(context, options.taxonomyPath) : [];
  const generalText = benchmarks.includes("forgetting")
    ? await readFile(assetPath("benchmarks", "general-text.md"), "utf8")
    : undefined;
  const plan = planEvaluation({ benchmarks, leaves, generalText, seed: options.seed });

  const resolveModel = (nameOrPath: string) => ensureModel(context, nameOrPath);
  const { baseModel, adapterFile } = options;
  const model = await findStudent(options.model, { resolveModel, baseModel, adapterFile });
  const base = await findBase(model, baseModel, resolveModel);
  const inputs: Record<string, string> = { plan: sha256(JSON.stringify(plan)) };
  inputs["model"] = await sha256File(model.modelFile, context.signal);
  if (model.adapterFile !== undefined) inputs["adapter"] = await sha256File(model.adapterFile, context.signal);
  if (base !== undefined && base.modelFile !== model.modelFile)
    inputs["baseModel"] = await sha256File(base.modelFile, context.signal);
  return { plan, model, base, inputs };
}

function benchmarkName(name: string): BenchmarkName {
  const found = benchmarkNames.find((known) => known === name);
  if (found !== undefined) return found;
  const nearest = closestName(name, benchmarkNames);
  throw new UsageError(
    `there is no benchmark '${name}'`,
    `${nearest === undefined ? "" : `Did you mean '${nearest}'? `}There are: ${benchmarkNames.join(", ")}.`,
  );
}

/** A tuned model is compared with its own base; a plain one only with a base that is named. */
async function findBase(
  model: Student,
  baseModel: string | undefined,
  resolveModel: (nameOrPath: string) => Promise<string>,
): Promise<Student | undefined> {
  if (baseModel !== undefined) return { name: baseModel, modelFile: await resolveModel(baseModel) };
  if (model.adapterFile !== undefined) return { name: model.modelFile, modelFile: model.modelFile };
  return undefined;
}

async function readLeaves({ paths, reporter, signal }: CommandContext, taxonomyPath: string | undefined) {
  const path = taxonomyPath === undefined ? paths.taxonomy : resolve(taxonomyPath);
  const { leaves, issues } = await readTaxonomy(path, { base: "empty", signal });
  for (const { file, line, column, message, severity } of issues)
    if (severity === "error") reporter.warn(`${file}:${line}:${column}: ${message}; this leaf is left out`);
  return leaves;
}
