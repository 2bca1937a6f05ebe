/** Closes the demo's run directory. */
import { join, relative } from "node:path";
import { MANIFEST_FILE, type RunManifest, type Scorecard } from "../artifacts.ts";
import type { GenerateDataResult, TrainResult } from "../flow.ts";
import { ilabVersion } from "../util/assets.ts";
import { writeFileAtomic } from "../util/fs.ts";

export async function writeDemoManifest(
  directory: string,
  startedAt: Date,
  parts: { generated: GenerateDataResult; trained: TrainResult; proof: { scorecard: Scorecard; path: string } },
): Promise<void> {
  const { generated, trained, proof } = parts;
  const endedAt = new Date();
  const manifest: RunManifest = {
    stage: "demo",
    ilabVersion,
    startedAt: startedAt.toISOString(),
    endedAt: endedAt.toISOString(),
    config: {},
    inputs: trained.manifest.inputs,
    counts: {
      ...generated.counts,
      heldOut: proof.scorecard.heldOut!.recall.model.total,
      recalled: proof.scorecard.heldOut!.recall.model.correct,
    },
    timings: { total: (endedAt.getTime() - startedAt.getTime()) / 1000, ...trained.manifest.timings },
    outputs: {
      messages: relative(directory, generated.messagesFile),
      adapter: relative(directory, trained.studentFile),
      scorecard: relative(directory, proof.path),
    },
  };
  await writeFileAtomic(join(directory, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
}
