/** Says in words what of the training data was not taken as it stands, one line per reason. */
import type { EncodedSamples } from "./read-samples.ts";

export function describeLeftOut(account: EncodedSamples, maxSequenceTokens: number): string[] {
  const { tooLong, longestTokens, nothingCounted, empty, leftOutByTemplate } = account;
  const lines: string[] = [];
  if (tooLong > 0)
    lines.push(
      `${counted(tooLong, "sample")} left out: longer than ${maxSequenceTokens} tokens (--max-seq-len; the longest has ${longestTokens})`,
    );
  if (nothingCounted > 0) lines.push(`${counted(nothingCounted, "sample")} left out: no answer of the assistant`);
  if (empty > 0) lines.push(`${counted(empty, "sample")} left out: without words`);
  for (const [what, count] of Object.entries(leftOutByTemplate))
    lines.push(
      what === "reasoning"
        ? `${counted(count, "answer")} trained without its reasoning: the model's chat template leaves it out`
        : `${counted(count, "message")} with the role ${what} not seen by the student: the model's chat template leaves it out`,
    );
  return lines;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
