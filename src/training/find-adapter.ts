/** From what the user names (an adapter file, a training run, a checkpoint) to the adapter to begin with. */
import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { MANIFEST_FILE, runManifestSchema } from "../artifacts.ts";
import { IlabError } from "../util/errors.ts";

/** @throws IlabError `ADAPTER_NOT_FOUND` */
export async function findAdapter(path: string): Promise<string> {
  const status = await stat(path).catch(() => undefined);
  if (status === undefined) throw notFound(`there is no adapter at ${path}`);
  if (status.isFile()) return path;
  const manifestFile = join(path, MANIFEST_FILE);
  if (existsSync(manifestFile)) {
    const manifest = runManifestSchema.safeParse(JSON.parse(await readFile(manifestFile, "utf8")));
    const adapter = manifest.data?.outputs["adapter"];
    if (adapter !== undefined) return resolve(path, adapter);
  }
  const own = join(path, "adapter.gguf");
  if (existsSync(own)) return own;
  throw notFound(`the directory ${path} holds no adapter`);
}

function notFound(message: string): IlabError {
  return new IlabError({
    code: "ADAPTER_NOT_FOUND",
    message,
    hint: "Give the directory of a finished `ilab model train`, one of its checkpoints, or an adapter.gguf.",
    exitCode: 2,
  });
}
