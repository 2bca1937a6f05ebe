/** From what a user calls a model to its file. */
import { readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { closestName } from "../util/did-you-mean.ts";
import { IlabError } from "../util/errors.ts";
import { catalog as builtInCatalog, type Catalog } from "./catalog.ts";

export interface ResolveOptions {
  /** The store. */
  directory: string;
  catalog?: Catalog;
}

/**
 * `nameOrPath`: a GGUF file, a catalog name, or the name of a file in the store (with or without `.gguf`). Returns an absolute path.
 * Throws `MODEL_MISSING`; `isDownloadable` tells whether `downloadModel` knows the name.
 */
export async function resolveModel(nameOrPath: string, options: ResolveOptions): Promise<string> {
  const { directory, catalog = builtInCatalog } = options;
  if (Object.hasOwn(catalog, nameOrPath)) {
    const { file, sizeBytes } = catalog[nameOrPath]!;
    const path = join(directory, file);
    const info = await stat(path).catch(() => undefined);
    if (info?.size === sizeBytes) return path;
    throw missing(
      info === undefined
        ? `the model ${nameOrPath} is not in the store (${directory})`
        : `${path} has ${info.size} bytes; ${nameOrPath} has ${sizeBytes}`,
      `Get it with 'ilab model download ${nameOrPath}'.`,
    );
  }
  const candidates = [resolve(nameOrPath)];
  if (!nameOrPath.split(/[\\/]/).includes(".."))
    candidates.push(join(directory, nameOrPath), join(directory, `${nameOrPath}.gguf`));
  for (const path of candidates) if ((await stat(path).catch(() => undefined))?.isFile()) return path;

  const looksLikePath = /[\\/]/.test(nameOrPath) || nameOrPath.endsWith(".gguf");
  const inStore = (await readdir(directory).catch(() => [])).filter((name) => name.endsWith(".gguf"));
  const nearest = closestName(nameOrPath, [...Object.keys(catalog), ...inStore]);
  throw missing(
    looksLikePath ? `there is no model file ${nameOrPath}` : `there is no model '${nameOrPath}'`,
    nearest !== undefined
      ? `Did you mean '${nearest}'? 'ilab model list' shows what is in the store.`
      : `Check the path, or get a model with 'ilab model download ${Object.keys(catalog)[0] ?? "NAME"}'.`,
  );
}

export function isDownloadable(name: string, catalog: Catalog = builtInCatalog): boolean {
  return Object.hasOwn(catalog, name);
}

function missing(message: string, hint: string): IlabError {
  return new IlabError({ code: "MODEL_MISSING", message, hint });
}
