/** sha256 of texts and of files (streamed). */
import { createHash, hash as hashOnce } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";

export function sha256(content: string | Uint8Array): string {
  return hashOnce("sha256", content, "hex");
}

export async function sha256File(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash, { signal });
  return hash.digest("hex");
}
