/**
 * Finished model calls, kept by content: the same model, parameters and prompt never cost twice, so an interrupted run repeats nothing.
 *
 * 64 append-only files of JSON lines. A call is one write of one line, so that `kill -9` costs at most the call being written: a torn line is passed
 * over. Only places are kept in memory; answers are read when they are asked for.
 */
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { GenerateRequest } from "../../llm/language-model.ts";
import { IlabError } from "../../util/errors.ts";
import { sha256 } from "../../util/hash.ts";

export const keptCallSchema = z.object({
  texts: z.array(z.string()).min(1),
  finishReason: z.enum(["stop", "length"]),
  promptTokens: z.number(),
  completionTokens: z.number(),
});
export type KeptCall = z.infer<typeof keptCallSchema>;

export interface CallCache extends Disposable {
  has(key: string): boolean;
  get(key: string): KeptCall | undefined;
  put(key: string, call: KeptCall): void;
}

/** Hexadecimal digits. */
const KEY_LENGTH = 40;

/** Of what decides the answer. */
export function callKey(modelIdentity: string, request: GenerateRequest): string {
  const { prompt, maxTokens, temperature = 0, topP = null, stop = [], seed = null, n = 1, extra = null } = request;
  const texts = "text" in prompt ? [prompt.text] : prompt.messages.map(({ content }) => content);
  const roles = "text" in prompt ? null : prompt.messages.map(({ role }) => role);
  // Long texts stand behind their lengths: writing them as JSON would cost more than hashing them.
  const lengths = texts.map(({ length }) => length);
  const head = JSON.stringify([3, modelIdentity, roles, lengths, maxTokens, temperature, topP, stop, seed, n, extra]);
  return sha256([head, ...texts].join("\n")).slice(0, KEY_LENGTH);
}

const SHARDS = 64;
const NEWLINE = 0x0a;

export function openCallCache(directory: string): CallCache {
  usable(directory, () => mkdirSync(directory, { recursive: true }));
  const shards = new Map<number, Shard>();
  const shardOf = (key: string): Shard => {
    const number = Number.parseInt(key.slice(0, 2), 16) % SHARDS;
    let shard = shards.get(number);
    if (shard === undefined) {
      const file = join(directory, `${number.toString().padStart(2, "0")}.jsonl`);
      shard = usable(file, () => openShard(file));
      shards.set(number, shard);
    }
    return shard;
  };
  return {
    has: (key) => shardOf(key).places.has(key),
    get(key) {
      const { descriptor, places } = shardOf(key);
      const place = places.get(key);
      if (place === undefined) return undefined;
      const line = Buffer.alloc(place.length);
      readSync(descriptor, line, 0, place.length, place.start);
      const text = line.toString("utf8");
      // Another process may have appended between our write and the look at where it went.
      return text.startsWith(key) ? parseCall(text.slice(KEY_LENGTH + 1)) : undefined;
    },
    put(key, call) {
      const shard = shardOf(key);
      const line = Buffer.from(`${key} ${JSON.stringify(call)}\n`);
      append(shard.descriptor, shard.isTorn ? Buffer.concat([Buffer.of(NEWLINE), line]) : line);
      shard.isTorn = false;
      shard.places.set(key, { start: fstatSync(shard.descriptor).size - line.length, length: line.length - 1 });
    },
    [Symbol.dispose]() {
      for (const { descriptor } of shards.values()) closeSync(descriptor);
      shards.clear();
    },
  };
}

interface Shard {
  descriptor: number;
  /** The last line has no end: another process was killed while it wrote. */
  isTorn: boolean;
  places: Map<string, { start: number; length: number }>;
}

/** Throws `CALL_CACHE_UNUSABLE`. */
function usable<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new IlabError({
      code: "CALL_CACHE_UNUSABLE",
      message: `the cache of finished calls cannot be used: ${(cause as Error).message}`,
      hint: `Remove ${path} or make it yours; --no-cache goes without.`,
      cause,
    });
  }
}

function openShard(file: string): Shard {
  const descriptor = openSync(file, "a+");
  const content = readFileSync(descriptor);
  const places: Shard["places"] = new Map();
  let start = 0;
  for (;;) {
    const end = content.indexOf(NEWLINE, start);
    if (end < 0) break;
    // What is asked for later is checked then; here only what can be told apart cheaply.
    if (content[start + KEY_LENGTH] === 0x20)
      places.set(content.toString("latin1", start, start + KEY_LENGTH), { start, length: end - start });
    start = end + 1;
  }
  return { descriptor, isTorn: start < content.length, places };
}

function append(descriptor: number, bytes: Buffer): void {
  try {
    if (writeSync(descriptor, bytes) < bytes.length) throw new Error("the disk took only a part");
  } catch (cause) {
    throw new IlabError({
      code: "CALL_NOT_KEPT",
      message: `a finished call could not be kept in the cache: ${(cause as Error).message}`,
      hint: "Make room on the disk and run the same command again: calls kept before are not repeated. --no-cache keeps none.",
      cause,
    });
  }
}

function parseCall(text: string): KeptCall | undefined {
  try {
    return keptCallSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
