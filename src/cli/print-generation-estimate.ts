/** What a generation would ask of its teacher, as a table for people. */
import type { GenerationEstimate } from "../pipeline/estimate-generation.ts";
import { formatDuration } from "./reporters/format.ts";
import { formatTable } from "./reporters/format-table.ts";

export function generationEstimateText({ notes, leaves, usage, seconds, cost }: GenerationEstimate): string {
  const cells = ({ rows, usage }: { rows: number; usage: GenerationEstimate["usage"] }) =>
    [rows, usage.requests, usage.fromCache, usage.shared, usage.promptTokens, usage.completionTokens].map(String);
  const total = { rows: leaves.reduce((sum, { rows }) => sum + rows, 0), usage };
  const table = formatTable(
    ["leaf", "rows", "requests", "from cache", "equal to others", "tokens read", "tokens written"],
    [...leaves.map((leaf) => [leaf.leaf, ...cells(leaf)]), ...(leaves.length > 1 ? [["all", ...cells(total)]] : [])],
  );
  const time =
    seconds === undefined
      ? "time unknown: no run with this teacher has been measured yet"
      : `time        about ${formatDuration(seconds)}, at the speed of the last run with this teacher`;
  return [
    ...notes,
    table,
    "",
    "Nothing was asked. Answers that are not known yet count with a likely length, and as if every filter let all rows pass;",
    "tokens are estimated at four characters each.",
    "",
    time,
    ...(cost === undefined ? [] : [`cost        about ${cost.toFixed(2)}`]),
  ].join("\n");
}
