/** From what the user names (a file, a run directory, a directory of runs) to the one file to train on. */
import { existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { MANIFEST_FILE, runManifestSchema } from "../artifacts.ts";
import { IlabError } from "../util/errors.ts";

/** @throws IlabError `DATA_NOT_FOUND`, `RUN_INCOMPLETE`. */
export async function findTrainingData(path: string): Promise<string> {
  const status = await stat(path).catch(() => undefined);
  if (status === undefined) throw notFound(`there is no training data at ${path}`);
  if (status.isFile()) return path;
  const own = await dataOfRun(path);
  if (own !== undefined) return own;
  const names = (await readdir(path)).sort().reverse();
  for (const name of names) {
    const file = await dataOfRun(join(path, name));
    if (file !== undefined) return file;
  }
  throw notFound(`no finished run with training data lies in ${path}`);
}

async function dataOfRun(directory: string): Promise<string | undefined> {
  const manifestFile = join(directory, MANIFEST_FILE);
  if (!existsSync(manifestFile)) return undefined;
  const manifest = runManifestSchema.safeParse(JSON.parse(await readFile(manifestFile, "utf8")));
  if (!manifest.success || manifest.data.stage !== "generate") return undefined;
  const { messages } = manifest.data.outputs;
  return messages === undefined ? undefined : join(directory, messages);
}

function notFound(message: string): IlabError {
  return new IlabError({
    code: "DATA_NOT_FOUND",
    message,
    hint: "Make training data with `ilab data generate`, or name a messages file with --data-path.",
  });
}
