/** What the losses of a run follow from, so that only the very same is ever continued, and what differs where it is not the same. */
import type { TrainingRun } from "../artifacts.ts";
import type { CountedTokens } from "../llm/tokenizer.ts";
import { sha256 } from "../util/hash.ts";
import type { TrainingSettings } from "./training-settings.ts";

export type RunIdentity = TrainingRun["identity"];

/** These decide what is kept and how much memory is taken, never what is learned. */
const NOT_DECIDING: readonly (keyof TrainingSettings)[] = [
  "saveSamples",
  "checkpointAtEpoch",
  "keepLast",
  "maxBatchTokens",
  "device",
  "memory",
];

export interface IdentityParts {
  settings: TrainingSettings;
  modelHash: string;
  dataHash: string;
  /** The adapter that the run begins with. */
  adapterHash: string | undefined;
  samples: readonly CountedTokens[];
  anchorTexts: readonly Int32Array[];
}

export function runIdentity(parts: IdentityParts): RunIdentity {
  const settings = Object.entries(parts.settings)
    .filter(([name]) => !(NOT_DECIDING as readonly string[]).includes(name))
    .map(([name, value]) => [`setting ${name}`, value]);
  return {
    model: parts.modelHash,
    "training data": parts.dataHash,
    adapter: parts.adapterHash ?? null,
    // The same file can give other tokens to another version of the program.
    "samples made of the data": hashTokens(parts.samples.flatMap(({ tokens, counted }) => [tokens, counted])),
    "anchor texts": hashTokens(parts.anchorTexts),
    ...Object.fromEntries(settings),
  };
}

/** One line per difference; hashes are shortened. */
export function describeDifferences(before: RunIdentity, now: RunIdentity): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])];
  const different = names.filter((name) => show(before[name]) !== show(now[name]));
  // Samples follow from these: whoever changed them knows.
  const isExpected = different.some((name) => name === "model" || name === "training data");
  return different
    .filter((name) => !isExpected || !["samples made of the data", "anchor texts"].includes(name))
    .map((name) => `${name}: ${brief(before[name])} then, ${brief(now[name])} now`);
}

function show(value: unknown): string {
  return JSON.stringify(value ?? null);
}

function brief(value: unknown): string {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value) ? value.slice(0, 12) : show(value);
}

function hashTokens(parts: readonly (Int32Array | Uint8Array)[]): string {
  return sha256(parts.map((part) => sha256(new Uint8Array(part.buffer, part.byteOffset, part.byteLength))).join());
}
