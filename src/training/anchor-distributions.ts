/**
 * What the base model predicts at every position of the anchor texts: its most likely tokens with their probabilities. The
 * texts are fixed, so this is computed once per base model and kept on disk.
 */
import { existsSync, readFileSync } from "node:fs";
import { deserialize, serialize } from "node:v8";
import { writeFileAtomic } from "../util/fs.ts";
import { sha256 } from "../util/hash.ts";
import type { HoldType } from "./engine/held-matrix.ts";
import { type SoftTargets, segmentsOf } from "./engine/micro-batch.ts";
import type { TrainingEngine } from "./engine/training-engine.ts";
import { packSequences } from "./pack.ts";
import type { AnchorPlan, TrainingReport } from "./worker/protocol.ts";

/** Dense probabilities are read back for whole packs: 512 positions x 49,152 tokens x 4 bytes = 100 MB. */
const MAX_TOKENS_PER_PASS = 512;

interface CachedDistributions {
  key: string;
  targets: SoftTargets[];
}

export async function anchorDistributions(
  engine: TrainingEngine,
  plan: AnchorPlan,
  maxBatchTokens: number,
  holdType: HoldType,
  report: (report: TrainingReport) => void,
): Promise<{ tokens: Int32Array; anchor: SoftTargets }[]> {
  const key = sha256(JSON.stringify([plan.texts.map((text) => [...text]), plan.topCount, holdType]));
  const cached = readCache(plan.cacheFile, key);
  const targets = cached ?? computeDistributions(engine, plan, Math.min(maxBatchTokens, MAX_TOKENS_PER_PASS), report);
  if (cached === undefined)
    await writeFileAtomic(plan.cacheFile, serialize({ key, targets } satisfies CachedDistributions));
  return plan.texts.map((tokens, i) => ({ tokens, anchor: targets[i]! }));
}

function readCache(path: string, key: string): SoftTargets[] | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const cached = deserialize(readFileSync(path)) as CachedDistributions;
    return cached.key === key ? cached.targets : undefined;
  } catch {
    // A damaged cache is only a cache: it is made again.
    return undefined;
  }
}

function computeDistributions(
  engine: TrainingEngine,
  plan: AnchorPlan,
  maxTokens: number,
  report: (report: TrainingReport) => void,
): SoftTargets[] {
  const result: SoftTargets[] = [];
  let done = 0;
  const packs = packSequences(
    plan.texts.map((text) => text.length),
    maxTokens,
  );
  for (const pack of packs) {
    const texts = pack.map((index) => plan.texts[index]!);
    const tokens = Int32Array.from(texts.flatMap((text) => [...text]));
    const segments = segmentsOf(texts.map((text) => text.length));
    const joined = engine.baseDistribution(tokens, segments, Int32Array.from(tokens.keys()), plan.topCount);
    let start = 0;
    for (const [i, text] of texts.entries()) {
      const end = start + text.length;
      result[pack[i]!] = {
        topCount: plan.topCount,
        rows: Int32Array.from(text.keys()),
        tokens: joined.tokens.slice(start * plan.topCount, end * plan.topCount),
        probabilities: joined.probabilities.slice(start * plan.topCount, end * plan.topCount),
        rest: joined.rest.slice(start, end),
      };
      start = end;
    }
    done += pack.length;
    report({ type: "anchoring", done, total: plan.texts.length });
  }
  return result;
}
