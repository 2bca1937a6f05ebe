/** Puts a finished evaluation on disk: `scorecard.json` with every answer, and the run's manifest last. */
import { join } from "node:path";
import { MANIFEST_FILE, type RunManifest, type Scorecard } from "../artifacts.ts";
import { ilabVersion } from "../util/assets.ts";
import { writeFileAtomic } from "../util/fs.ts";

export const SCORECARD_FILE = "scorecard.json";

export interface WriteEvaluationOptions {
  directory: string;
  startedAt: Date;
  endedAt?: Date;
  config: RunManifest["config"];
  /** sha256 of the models and texts, by name. */
  inputs: RunManifest["inputs"];
}

/** Returns the path of the scorecard. */
export async function writeEvaluation(scorecard: Scorecard, options: WriteEvaluationOptions): Promise<string> {
  const { directory, startedAt, endedAt = new Date() } = options;
  const path = join(directory, SCORECARD_FILE);
  await writeFileAtomic(path, `${JSON.stringify(scorecard, null, 2)}\n`);
  const manifest: RunManifest = {
    stage: "evaluate",
    ilabVersion,
    startedAt: startedAt.toISOString(),
    endedAt: endedAt.toISOString(),
    config: options.config,
    inputs: options.inputs,
    counts: {
      questions: scorecard.heldOut?.questions.length ?? 0,
      recalled: scorecard.heldOut?.recall.model.correct ?? 0,
      passages: scorecard.forgetting?.passages.length ?? 0,
    },
    timings: { total: (endedAt.getTime() - startedAt.getTime()) / 1000 },
    outputs: { scorecard: SCORECARD_FILE },
  };
  await writeFileAtomic(join(directory, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
  return path;
}
