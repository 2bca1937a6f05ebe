/** The program that the training process runs: the training stage with its checkpoints. `flow.ts` starts it. */
import { openCheckpoints } from "./checkpoints/open-checkpoints.ts";
import { serveTraining } from "./training/worker/serve-training.ts";

serveTraining(openCheckpoints);
