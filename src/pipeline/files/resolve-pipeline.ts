/** Which pipeline file a name or directory means, for a kind of leaf. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import type { LeafKind } from "../../artifacts.ts";
import { assetPath } from "../../util/assets.ts";
import { UsageError } from "../../util/errors.ts";
import { autoPipeline, type TeacherSize } from "./auto-pipeline.ts";
import { didYouMean } from "./read-yaml-file.ts";

const fileNames: Record<LeafKind, string> = {
  knowledge: "knowledge.yaml",
  freeform_skill: "freeform_skills.yaml",
  grounded_skill: "grounded_skills.yaml",
};
export const builtInPipelines = ["compact", "simple", "full", "llama"];

/** Writes the questions that a student is examined with, from a knowledge leaf's rows. */
export const evaluationPipelineFile = assetPath("pipelines", "eval", "mmlu_bench.yaml");

export interface ResolvePipelineOptions {
  /** Whose size decides for `auto`. */
  teacher?: TeacherSize;
  /** Where pipelines of the user's own lie, by name; the first that has the name is taken, before the built-in ones. */
  directories?: readonly string[];
}

export interface ResolvedPipeline {
  name: string;
  file: string;
  /** What `auto` chose, and why. */
  note?: string;
}

/** @param pipeline `auto`, a name, a directory that holds a file for each kind of leaf, or one file for them all. Throws `USAGE`. */
export function resolvePipeline(
  pipeline: string,
  kind: LeafKind,
  { teacher, directories = [] }: ResolvePipelineOptions = {},
): ResolvedPipeline {
  const { name, note } = pipeline === "auto" ? autoPipeline(teacher) : { name: pipeline, note: undefined };
  if (isFile(resolve(name))) return { name, file: resolve(name), note };
  const directory = directoryOf(name, directories);
  if (directory === undefined) {
    const known = [...builtInPipelines, "auto", ...directories.flatMap(pipelinesIn)];
    throw new UsageError(
      `no pipeline '${pipeline}'${didYouMean(pipeline, known)}: neither a name nor a path`,
      `Known: ${[...new Set(known)].join(", ")}. A directory of your own must hold ${Object.values(fileNames).join(", ")}${directories.length === 0 ? "" : `; by name it is found in ${directories.join(" and ")}`}.`,
    );
  }
  const file = join(directory, fileNames[kind]);
  if (!existsSync(file))
    throw new UsageError(
      `the pipeline '${pipeline}' has nothing for this kind of leaf: ${file} does not exist`,
      `A pipeline holds ${Object.values(fileNames).join(", ")}; only those for the leaves at hand are needed.`,
    );
  return { name, file, note };
}

function directoryOf(name: string, directories: readonly string[]): string | undefined {
  const isName = /^[^\\/]+$/.test(name) && name !== "." && name !== "..";
  const places = isName ? directories.map((directory) => join(directory, name)) : [];
  if (builtInPipelines.includes(name)) places.push(assetPath("pipelines", name));
  places.push(isAbsolute(name) ? name : resolve(name));
  return places.find((place) => statSync(place, { throwIfNoEntry: false })?.isDirectory());
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function pipelinesIn(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}
