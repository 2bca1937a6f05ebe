/** From an address to the source that serves it. */
import { closestName } from "../util/did-you-mean.ts";
import { UsageError } from "../util/errors.ts";
import type { ModelSource, SourceEnvironment } from "./model-source.ts";
import { openFileSource } from "./sources/file-source.ts";
import { openHubSource } from "./sources/hub-source.ts";
import { openPipSource } from "./sources/pip-source.ts";
import { openUrlSource } from "./sources/url-source.ts";

type OpenSource = (address: string, rest: string, environment: SourceEnvironment) => ModelSource;

const schemes: Record<string, OpenSource> = {
  file: openFileSource,
  hf: openHubSource,
  pip: openPipSource,
  url: openUrlSource,
  http: (address) => openUrlSource(address, address),
  https: (address) => openUrlSource(address, address),
};

/** `hf:...`, `https://...` and the like; names and paths are not addresses. */
export function isSourceAddress(text: string): boolean {
  const scheme = /^([a-z]{2,}):/.exec(text)?.[1];
  return scheme !== undefined && Object.hasOwn(schemes, scheme);
}

/** Throws a `UsageError` when the address cannot be understood. */
export function openSource(address: string, environment: SourceEnvironment): ModelSource {
  const colon = address.indexOf(":");
  const scheme = address.slice(0, Math.max(0, colon));
  if (!Object.hasOwn(schemes, scheme)) {
    const nearest = closestName(scheme, Object.keys(schemes));
    throw new UsageError(
      `'${address}' is no model address`,
      `Write ${nearest === undefined ? "hf:OWNER/REPOSITORY/FILE.gguf or https://HOST/FILE.gguf" : `${nearest}:...`}.`,
    );
  }
  return schemes[scheme]!(address, address.slice(colon + 1), environment);
}
