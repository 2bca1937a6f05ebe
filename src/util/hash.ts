/** sha256 of texts and of files: whole (streamed), or of samples where a file of gigabytes only has to be told from others. */
import { createHash, hash as hashOnce } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";

export function sha256(content: string | Uint8Array): string {
  return hashOnce("sha256", content, "hex");
}

export async function sha256File(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash, { signal });
  return hash.digest("hex");
}

const SAMPLES = 256;
const SAMPLE_BYTES = 4096;

/** Of the file's size and of blocks spread evenly over it, first and last among them: a megabyte is read at most. No proof against intent. */
export async function sampledSha256(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const hash = createHash("sha256").update(`${size}`);
    const block = Buffer.alloc(SAMPLE_BYTES);
    const distance = Math.max(SAMPLE_BYTES, (size - SAMPLE_BYTES) / (SAMPLES - 1));
    for (let index = 0; index < SAMPLES && index * distance < size; index++) {
      const { bytesRead } = await file.read(block, 0, SAMPLE_BYTES, Math.floor(index * distance));
      hash.update(block.subarray(0, bytesRead));
    }
    return hash.digest("hex");
  } finally {
    await file.close();
  }
}
