/** What a training would need, as a table for people. */
import type { EstimateResult } from "../training/estimate-training.ts";
import { formatBytes, formatDuration } from "./reporters/format.ts";

export function trainingEstimateText(estimate: EstimateResult): string {
  const { modes, chosen, remedy, availableBytes } = estimate;
  const lines = [
    `${estimate.samples} samples, the longest of ${estimate.longestTokens} tokens; ${estimate.totalSteps} steps, ${estimate.tokens} tokens in all`,
    `${estimate.trainedParameters} trained parameters; frozen matrices as ${estimate.holdType}`,
    "",
    "memory      total   weights  trained  activations  program",
    ...modes.map(({ mode, totalBytes, weightBytes, stateBytes, activationBytes, programBytes }) => {
      const sizes = [weightBytes, stateBytes, activationBytes, programBytes].map((bytes) =>
        formatBytes(bytes).padStart(8),
      );
      return `${mode.padEnd(8)} ${formatBytes(totalBytes).padStart(8)}  ${sizes.join(" ")}${mode === chosen ? "  <- this one" : ""}`;
    }),
    "",
    `free now    ${formatBytes(availableBytes)}`,
    `time        about ${formatDuration(estimate.seconds)} for the training itself`,
  ];
  if (chosen === undefined)
    lines.push(
      "",
      remedy === undefined
        ? "This does not fit, and no shorter length of samples would help: choose a smaller model, or close other programs."
        : `This does not fit. ${remedy.flag} ${remedy.value} would need ${formatBytes(remedy.totalBytes)}.`,
    );
  return lines.join("\n");
}
