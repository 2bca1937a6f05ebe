/** What is in the store: finished GGUF files, also in folders below it. Parts of downloads are not models. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { metadataString } from "../formats/gguf/types.ts";
import { catalog as builtInCatalog, type Catalog } from "./catalog.ts";

/** Deep enough for OWNER/REPOSITORY/FILE; a store that links to itself must not be walked for ever. */
const MAX_DEPTH = 4;

export interface StoredModel {
  /** What commands call it: its catalog name, or its path below the store. */
  name: string;
  path: string;
  sizeBytes: number;
  /** ISO 8601. */
  modifiedAt: string;
  /** From the file's header; absent when that cannot be read. */
  architecture?: string;
}

/** Sorted by name; a store that is not there is empty. */
export async function listModels(
  directory: string,
  { catalog = builtInCatalog }: { catalog?: Catalog } = {},
): Promise<StoredModel[]> {
  const names = new Map(Object.entries(catalog).map(([name, { file }]) => [file, name]));
  const models: StoredModel[] = [];
  for await (const file of ggufFiles(directory, "", 0)) {
    const path = join(directory, file);
    const info = await stat(path).catch(() => undefined);
    if (!info?.isFile()) continue;
    models.push({
      name: names.get(file) ?? file,
      path,
      sizeBytes: info.size,
      modifiedAt: info.mtime.toISOString(),
      architecture: await readArchitecture(path),
    });
  }
  return models.sort((a, b) => a.name.localeCompare(b.name));
}

async function* ggufFiles(root: string, below: string, depth: number): AsyncGenerator<string> {
  const entries = await readdir(join(root, below), { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const path = join(below, entry.name);
    if (entry.isDirectory() && depth < MAX_DEPTH) yield* ggufFiles(root, path, depth + 1);
    else if (entry.name.toLowerCase().endsWith(".gguf")) yield path;
  }
}

/** A model's own architecture; undefined for a file that is no GGUF. */
async function readArchitecture(path: string): Promise<string | undefined> {
  const { readGguf } = await import("../formats/gguf/read-gguf.ts");
  return await readGguf(path).then(
    (file) => metadataString(file, "general.architecture"),
    () => undefined,
  );
}
