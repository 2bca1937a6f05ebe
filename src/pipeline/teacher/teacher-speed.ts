/** How fast a teacher was when it was last asked, kept beside the call cache: what `--dry-run` estimates times from. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../../util/fs.ts";
import type { Usage } from "./usage.ts";

const speedsSchema = z.record(z.string(), z.object({ requests: z.number(), tokens: z.number(), seconds: z.number() }));

/** Fewer requests say little about a server that works on many at once. */
const FEWEST_REQUESTS = 20;

const fileOf = (directory: string) => join(directory, "speeds.json");

async function readSpeeds(directory: string): Promise<z.infer<typeof speedsSchema>> {
  try {
    return speedsSchema.parse(JSON.parse(await readFile(fileOf(directory), "utf8")));
  } catch {
    return {};
  }
}

export async function keepTeacherSpeed(
  directory: string,
  modelId: string,
  usage: Usage,
  seconds: number,
): Promise<void> {
  if (usage.requests < FEWEST_REQUESTS) return;
  const tokens = usage.promptTokens + usage.completionTokens;
  const speeds = { ...(await readSpeeds(directory)), [modelId]: { requests: usage.requests, tokens, seconds } };
  await writeFileAtomic(fileOf(directory), JSON.stringify(speeds, undefined, 2));
}

/** Tokens per second, read and written, with as many requests in flight as then. */
export async function readTeacherSpeed(directory: string, modelId: string): Promise<number | undefined> {
  const speed = (await readSpeeds(directory))[modelId];
  return speed === undefined || speed.seconds <= 0 ? undefined : speed.tokens / speed.seconds;
}
