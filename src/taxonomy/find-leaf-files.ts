/** Finds the `qna.yaml` files of a taxonomy: all of them, or those whose leaf changed since a git base. */
import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { UsageError } from "../util/errors.ts";
import { changedFiles } from "./changed-files.ts";
import { isTaxonomyFolder, LEAF_FILE, taxonomyFolders } from "./leaf-path.ts";

export interface FindLeafFilesOptions {
  /** `empty`: every leaf. Otherwise a git branch, tag or commit: the leaves that differ from it. Default `empty`. */
  base?: string;
  signal?: AbortSignal;
}

export interface FoundLeafFiles {
  /** The taxonomy's root; undefined when `path` is a single file. */
  root?: string;
  /** Absolute paths of `qna.yaml` files, sorted. */
  files: string[];
  /** Files that look like a leaf's but are not read because of their name, sorted. */
  misnamed: string[];
  /** Folders whose names are not UTF-8, which nothing below can be read of, sorted. */
  unreachable: string[];
}

/** `path`: a taxonomy, one `qna.yaml`, or a directory that holds one. A path that is none of these is a `UsageError`. */
export async function findLeafFiles(path: string, options: FindLeafFilesOptions = {}): Promise<FoundLeafFiles> {
  const { base = "empty", signal } = options;
  const root = resolve(path);
  const status = await stat(root).catch(() => undefined);
  if (status === undefined)
    throw new UsageError(
      `the taxonomy ${path} does not exist`,
      "Give the directory that holds 'knowledge' and 'compositional_skills', or one qna.yaml, with '--taxonomy-path'.",
    );
  if (!status.isDirectory()) return { files: [root], misnamed: [], unreachable: [] };
  const entries = await readdir(root, { withFileTypes: true });
  if (!entries.some((entry) => entry.isDirectory() && isTaxonomyFolder(entry.name))) {
    if (entries.some(({ name }) => name === LEAF_FILE))
      return { files: [join(root, LEAF_FILE)], misnamed: [], unreachable: [] };
    throw new UsageError(
      `${path} is not a taxonomy: it has neither a folder '${taxonomyFolders.join("' nor '")}'`,
      "Give the directory that holds these folders, or one qna.yaml, with '--taxonomy-path'.",
    );
  }
  const all: string[] = [];
  const unreachable: string[] = [];
  for (const folder of taxonomyFolders) await walk(root, folder, all, unreachable);
  const leafFiles = all.filter((file) => basename(file) === LEAF_FILE);
  const misnamed = all.filter((file) => basename(file) !== LEAF_FILE);
  if (base === "empty") return toResult(root, leafFiles, misnamed, unreachable);
  const changed = await changedFiles(root, base, { signal });
  const touched = new Set<string>();
  const directories = new Set(leafFiles.map((file) => dirname(file)));
  for (const file of changed)
    for (let directory = dirname(file); directory !== "."; directory = dirname(directory))
      if (directories.has(directory)) {
        touched.add(directory);
        break;
      }
  const changedSet = new Set(changed);
  return toResult(
    root,
    leafFiles.filter((file) => touched.has(dirname(file))),
    misnamed.filter((file) => changedSet.has(file)),
    unreachable.filter((folder) => changed.some((file) => file.startsWith(`${folder}/`))),
  );
}

function toResult(root: string, files: string[], misnamed: string[], unreachable: string[]): FoundLeafFiles {
  const absolute = (list: string[]) => list.sort().map((file) => join(root, ...file.split("/")));
  return { root, files: absolute(files), misnamed: absolute(misnamed), unreachable: absolute(unreachable) };
}

/** Collects `qna.yaml` and its misspellings below `directory`, relative to root with `/`; links to directories are not followed. */
async function walk(root: string, directory: string, found: string[], unreachable: string[]): Promise<void> {
  let entries: Dirent[];
  try {
    entries = await readdir(join(root, directory), { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    // What is no UTF-8 in a name was replaced by this sign, and the name that came of it leads nowhere.
    if (basename(directory).includes("\ufffd")) unreachable.push(directory);
    return;
  }
  for (const entry of entries) {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory()) await walk(root, path, found, unreachable);
    else if (/^qna\.ya?ml$/i.test(entry.name)) found.push(path);
  }
}
