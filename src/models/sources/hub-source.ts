/**
 * `hf:OWNER/REPOSITORY/PATH.gguf@REVISION`: a file of the Hugging Face hub or of a mirror of it (`HF_ENDPOINT`). The token
 * (`HF_TOKEN`) goes to that host only: fetch drops it when the hub redirects to its storage.
 */
import { basename } from "node:path";
import { UsageError } from "../../util/errors.ts";
import { downloadHttp } from "../download-http.ts";
import type { ModelSource, SourceEnvironment } from "../model-source.ts";

const DEFAULT_ENDPOINT = "https://huggingface.co";

export function openHubSource(address: string, rest: string, { env }: SourceEnvironment): ModelSource {
  const match = /^([\w.-]+\/[\w.-]+)\/([^@]+?)(?:@([\w./-]+))?$/.exec(rest);
  const path = match?.[2]?.split("/") ?? [];
  if (match === null || path.some((part) => part === "" || part === "." || part === ".."))
    throw new UsageError(
      `'${address}' is no hub address`,
      "Write hf:OWNER/REPOSITORY/FILE.gguf, with @REVISION if need be.",
    );
  const endpoint = (env["HF_ENDPOINT"] || DEFAULT_ENDPOINT).replace(/\/+$/, "");
  const revision = encodeURIComponent(match[3] ?? "main");
  const url = new URL(`${endpoint}/${match[1]}/resolve/${revision}/${path.map(encodeURIComponent).join("/")}`);
  const token = env["HF_TOKEN"];
  return {
    address,
    fileName: basename(match[2]!),
    resolve: async () => ({ location: url.href }),
    fetch: (request) =>
      downloadHttp(url, request, {
        headers: token ? { authorization: `Bearer ${token}` } : {},
        forbiddenHint: token
          ? "The token in HF_TOKEN has no access; accept the model's terms on its page."
          : "Set HF_TOKEN to an access token, and accept the model's terms on its page.",
      }),
  };
}
