/** The model that a command needs: found, or downloaded when the user agrees. */
import { IlabError } from "../util/errors.ts";
import { runWork } from "../util/events.ts";
import type { CommandContext } from "./command.ts";
import { formatBytes } from "./reporters/format.ts";

/** Absolute path of the GGUF file. Throws `MODEL_MISSING` without agreement, and what `downloadModel` throws. */
export async function ensureModel(context: CommandContext, nameOrPath: string): Promise<string> {
  const { reporter, signal, paths, confirm } = context;
  const { catalog } = await import("../models/catalog.ts");
  const { isDownloadable, resolveModel } = await import("../models/resolve-model.ts");
  const directory = paths.models;
  try {
    return await resolveModel(nameOrPath, { directory });
  } catch (error) {
    if (!(error instanceof IlabError) || error.code !== "MODEL_MISSING" || !isDownloadable(nameOrPath)) throw error;
    const { sizeBytes, license } = catalog[nameOrPath]!;
    const size = formatBytes(sizeBytes);
    if (!(await confirm(`The model ${nameOrPath} (${size}, ${license}) is not here yet. Download it now?`)))
      throw new IlabError({
        code: "MODEL_MISSING",
        message: error.message,
        hint: `Get it (${size}) with 'ilab model download ${nameOrPath}', or give --yes to let commands download what they need.`,
      });
    const { downloadModel } = await import("../models/download-model.ts");
    return await runWork(downloadModel(nameOrPath, { directory, signal }), (event) => reporter.event(event));
  }
}
