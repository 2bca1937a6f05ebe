/** `file:PATH`: a file of this machine, copied into the store. */
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { IlabError } from "../../util/errors.ts";
import type { Work } from "../../util/events.ts";
import { DOWNLOAD_STEP, type FetchRequest, type ModelSource, secondsSince } from "../model-source.ts";
import { throttle } from "../throttle.ts";

export function openFileSource(address: string, rest: string): ModelSource {
  const file = resolve(rest.replace(/^\/\//, ""));
  return {
    address,
    fileName: basename(file),
    async resolve() {
      const info = await stat(file).catch(() => undefined);
      if (!info?.isFile())
        throw new IlabError({ code: "SOURCE_MISSING", message: `${file} is not there`, hint: "Check the path." });
      return { location: file, sizeBytes: info.size };
    },
    fetch: (request) => copyFile(file, request),
  };
}

async function* copyFile(file: string, { partFile, signal }: FetchRequest): Work<void> {
  const total = (await stat(file)).size;
  const isDue = throttle();
  const startedAt = performance.now();
  yield { type: "step-start", stage: "models", step: DOWNLOAD_STEP, total, unit: "bytes" };
  const target = await open(partFile, "w");
  try {
    let done = 0;
    for await (const piece of createReadStream(file, { highWaterMark: 1 << 20, signal })) {
      await target.writeFile(piece);
      done += piece.length;
      if (isDue()) yield { type: "step-progress", stage: "models", step: DOWNLOAD_STEP, done, total, unit: "bytes" };
    }
    await target.sync();
  } finally {
    await target.close();
  }
  yield { type: "step-end", stage: "models", step: DOWNLOAD_STEP, seconds: secondsSince(startedAt) };
}
