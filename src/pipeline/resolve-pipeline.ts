/** Which pipeline file a name or directory means, for a kind of leaf. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { LeafKind } from "../artifacts.ts";
import { assetPath } from "../util/assets.ts";
import { UsageError } from "../util/errors.ts";

const fileNames: Record<LeafKind, string> = {
  knowledge: "knowledge.yaml",
  freeform_skill: "freeform_skills.yaml",
  grounded_skill: "grounded_skills.yaml",
};
const builtIn = ["compact"];

/** @param pipeline a built-in name, `auto`, or a directory that holds the three files. */
export function resolvePipeline(pipeline: string, kind: LeafKind): string {
  const name = pipeline === "auto" ? "compact" : pipeline;
  const directory = builtIn.includes(name) ? assetPath("pipelines", name) : resolve(name);
  const file = join(directory, fileNames[kind]);
  if (!existsSync(file))
    throw new UsageError(
      `no pipeline '${pipeline}': ${file} does not exist`,
      `Built in: ${builtIn.join(", ")}, auto. A directory of your own must hold ${Object.values(fileNames).join(", ")}.`,
    );
  return file;
}
