/** Deletes one model of the store, and only there: a path that leads outside is refused. */
import { realpath, rm } from "node:fs/promises";
import { dirname, relative, sep } from "node:path";
import { UsageError } from "../util/errors.ts";
import { describeWriteError } from "../util/fs.ts";
import { type ResolveOptions, resolveModel } from "./resolve-model.ts";

/** The file that `removeModel` would delete. Throws `MODEL_MISSING`, or a `UsageError` when it lies outside the store. */
export async function findRemovableModel(nameOrPath: string, options: ResolveOptions): Promise<string> {
  const path = await resolveModel(nameOrPath, options);
  // The folder is what counts: a link in the store may point anywhere, and only the link is deleted.
  const store = await realpath(options.directory);
  const below = relative(store, await realpath(dirname(path)));
  if (below.split(sep)[0] === ".." || !path.toLowerCase().endsWith(".gguf"))
    throw new UsageError(
      `${path} is not a model of the store ${options.directory}`,
      "Only models of the store are removed; delete other files yourself.",
    );
  return path;
}

/** Returns the path that is gone. */
export async function removeModel(nameOrPath: string, options: ResolveOptions): Promise<string> {
  const path = await findRemovableModel(nameOrPath, options);
  for (const file of [path, `${path}.part`, `${path}.part.json`])
    await rm(file, { force: true }).catch((error: unknown) => {
      throw describeWriteError(file, error);
    });
  return path;
}
