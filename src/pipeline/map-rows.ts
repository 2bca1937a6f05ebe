/** Runs a block's work on every row; a row whose work fails is dropped with the failure as reason and does not end the run. */
import type { Row } from "../artifacts.ts";
import { CancelledError } from "../util/errors.ts";
import type { BlockContext } from "./block.ts";
import { TeacherLostError } from "./teacher/open-teacher.ts";

/** Results stay in the order of the rows. Cancelling and a lost teacher do end the run. */
export async function mapRows(
  rows: readonly Row[],
  context: BlockContext,
  work: (row: Row, index: number) => Promise<Row[]>,
): Promise<Row[]> {
  const results = await Promise.allSettled(rows.map(work));
  for (const result of results)
    if (
      result.status === "rejected" &&
      (result.reason instanceof CancelledError || result.reason instanceof TeacherLostError)
    )
      throw result.reason;
  return results.flatMap((result, index) => {
    if (result.status === "fulfilled") return result.value;
    context.drop(rows[index]!, `the model's answer failed: ${firstLine(result.reason)}`);
    return [];
  });
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error)
    .split("\n")[0]!
    .slice(0, 200);
}
