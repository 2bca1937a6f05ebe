/** `https://HOST/FILE.gguf` (also written `url:https://...`): any web server, continued by range where it allows that. */
import { basename } from "node:path";
import { UsageError } from "../../util/errors.ts";
import { downloadHttp } from "../download-http.ts";
import type { ModelSource } from "../model-source.ts";

export function openUrlSource(_address: string, rest: string): ModelSource {
  const url = URL.canParse(rest) ? new URL(rest) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new UsageError(`'${rest}' is no web address`, "Write https://HOST/PATH/FILE.gguf.");
  const location = `${url.origin}${url.pathname}`;
  return {
    address: location,
    fileName: basename(decodeURIComponent(url.pathname)),
    resolve: async () => ({ location }),
    fetch: (request) => downloadHttp(url, request),
  };
}
