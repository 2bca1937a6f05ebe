/** Writes a new leaf, `qna.yaml` and `attribution.txt`, after it has passed every check; what is there already is never overwritten. */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { DocumentSource } from "../artifacts.ts";
import { IlabError, UsageError } from "../util/errors.ts";
import { describeWriteError, writeFileAtomic } from "../util/fs.ts";
import { checkLeafText } from "./check-leaf-text.ts";
import { checkPath } from "./checks/check-path.ts";
import { ATTRIBUTION_FILE, isTaxonomyFolder, LEAF_FILE, taxonomyFolders } from "./leaf-path.ts";
import { renderLeaf } from "./render-leaf.ts";

export interface Attribution {
  title: string;
  link: string;
  licence: string;
  creators: string;
}

export interface NewLeaf {
  /** From the taxonomy's root, with `/`: `knowledge/geography/merrowby`. */
  path: string;
  createdBy: string;
  taskDescription?: string;
  domain?: string;
  documentOutline?: string;
  document?: DocumentSource;
  /** As they stand in the file. */
  seedExamples: readonly unknown[];
  attribution: Attribution;
}

/** Returns the absolute path of the `qna.yaml`. Throws `UsageError` for the path, `LEAF_EXISTS`, and `LEAF_INVALID` with the findings. */
export async function writeNewLeaf(root: string, leaf: NewLeaf): Promise<{ file: string; attributionFile: string }> {
  const parts = leafParts(leaf.path);
  const folder = parts[0] as (typeof taxonomyFolders)[number];
  const { directory, file, attributionFile } = requireFreePlace(root, parts);
  const text = renderLeaf(leaf);
  const { problems } = checkLeafText(text, { folder });
  const errors = problems.filter(({ severity }) => severity === "error");
  if (errors.length > 0)
    throw new IlabError({
      code: "LEAF_INVALID",
      message: `the leaf was not written:\n${errors.map(({ message, hint }) => `- ${message}. ${hint ?? ""}`).join("\n")}`,
      hint: "Give what is missing.",
      details: { problems: errors },
    });
  const { title, link, licence, creators } = leaf.attribution;
  const attribution = `Title of work: ${title}\nLink to work: ${link}\nLicense of the work: ${licence}\nCreator names: ${creators}\n`;
  try {
    await mkdir(directory, { recursive: true });
    await writeFileAtomic(attributionFile, attribution);
    await writeFileAtomic(file, text);
  } catch (error) {
    throw describeWriteError(directory, error);
  }
  return { file, attributionFile };
}

/** Why no new leaf can lie at a path. */
export function refusalOf(root: string, path: string): string | undefined {
  try {
    requireFreePlace(root, leafParts(path));
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Where the files of a leaf go. Throws `LEAF_EXISTS` when one of them is there. */
function requireFreePlace(root: string, parts: readonly string[]) {
  const directory = join(resolve(root), ...parts);
  const file = join(directory, LEAF_FILE);
  const attributionFile = join(directory, ATTRIBUTION_FILE);
  for (const path of [file, attributionFile])
    if (existsSync(path))
      throw new IlabError({
        code: "LEAF_EXISTS",
        message: `${path} exists already`,
        hint: "Choose another path, or edit the file.",
      });
  return { directory, file, attributionFile };
}

/** The folders of a leaf's path. Throws `UsageError` when a leaf cannot lie there. */
export function leafParts(path: string): string[] {
  const parts = path.split(/[/\\]+/).filter((part) => part !== "");
  const [found] = checkPath({ parts });
  const hint = `Give it from the taxonomy's root, such as '${taxonomyFolders[0]}/geography/merrowby'.`;
  if (!isTaxonomyFolder(parts[0]) || parts.length < 2)
    throw new UsageError(`'${path}' is no path of a leaf: it begins with ${taxonomyFolders.join(" or ")}`, hint);
  if (found !== undefined) throw new UsageError(`'${path}' is no path of a leaf: ${found.message}`, found.hint ?? hint);
  return parts;
}
