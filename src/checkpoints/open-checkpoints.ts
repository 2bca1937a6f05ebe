/** The checkpoints of one run, below `<run>/checkpoints`. */
import { join } from "node:path";
import type { CheckpointStore } from "../artifacts.ts";
import { copyStudent } from "./copy-student.ts";
import { listCheckpoints } from "./list-checkpoints.ts";
import { pickBest } from "./pick-best.ts";
import { pruneCheckpoints } from "./prune-checkpoints.ts";
import { restoreState } from "./restore-state.ts";
import { saveCheckpoint } from "./save-checkpoint.ts";

export function openCheckpoints(runDirectory: string): CheckpointStore {
  const directory = join(runDirectory, "checkpoints");
  return {
    save: (content) => saveCheckpoint(directory, content),
    list: () => listCheckpoints(directory),
    restore: restoreState,
    copyBest: async (path) => {
      const best = pickBest(await listCheckpoints(directory));
      if (best !== undefined) await copyStudent(best, path);
      return best;
    },
    prune: (options) => pruneCheckpoints(directory, options),
  };
}
