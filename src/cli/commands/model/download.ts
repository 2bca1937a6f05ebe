/** `ilab model download`: brings a model of the catalog, or a GGUF file by its address, into the store. */
import { resolve } from "node:path";
import { UsageError } from "../../../util/errors.ts";
import { runWork } from "../../../util/events.ts";
import type { CommandContext, RegisterCommand } from "../../command.ts";
import { examples } from "../../examples.ts";

interface DownloadOptions {
  repository?: string;
  release?: string;
  filename?: string;
  modelDir?: string;
  hfToken?: string;
}

export const register: RegisterCommand = (group, bind) => {
  group
    .command("download")
    .description("Download a model into the store and check it; what broke off is continued.")
    .argument("[model]", "name of the catalog, hf:OWNER/REPOSITORY/FILE.gguf, or https://HOST/FILE.gguf")
    .option("--repository <owner/name>", "repository of the hub (also -rp), together with --filename")
    .option("--filename <file>", "GGUF file of that repository")
    .option("--release <revision>", "branch, tag or commit of that repository (also -rl; default main)")
    .option("--model-dir <directory>", "store to download into")
    .option("--hf-token <token>", "access token of the hub; better given in the environment as HF_TOKEN")
    .addHelpText(
      "after",
      examples(
        "ilab model download",
        "ilab model download hf:HuggingFaceTB/SmolLM2-360M-Instruct-GGUF/smollm2-360m-instruct-q8_0.gguf",
      ),
    )
    .action(bind(download));
};

async function download(context: CommandContext, options: DownloadOptions, model?: string): Promise<void> {
  const { reporter, signal, paths } = context;
  const { DEFAULT_MODEL_NAME } = await import("../../../models/catalog.ts");
  const { downloadModel } = await import("../../../models/download-model.ts");
  const name = addressOf(options, model) ?? DEFAULT_MODEL_NAME;
  const directory = options.modelDir === undefined ? paths.models : resolve(options.modelDir);
  const env = options.hfToken === undefined ? process.env : { ...process.env, HF_TOKEN: options.hfToken };
  const path = await runWork(downloadModel(name, { directory, signal, env }), (event) => reporter.event(event));
  reporter.print(path);
  reporter.result({ name, path });
}

function addressOf({ repository, filename, release }: DownloadOptions, model: string | undefined): string | undefined {
  if (repository === undefined) {
    if (filename !== undefined || release !== undefined)
      throw new UsageError("--filename and --release need --repository", "Add --repository OWNER/NAME.");
    return model;
  }
  if (model !== undefined) throw new UsageError("both a model and --repository were given", "Give one of them.");
  if (filename === undefined)
    throw new UsageError("--repository needs --filename", "Name the one GGUF file of the repository to download.");
  return `hf:${repository}/${filename}${release === undefined ? "" : `@${release}`}`;
}
