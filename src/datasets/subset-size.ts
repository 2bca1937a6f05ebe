/** How large a subset is to be: below 1 a share of the rows, from 1 on so many rows; so upstream reads its `--subset_sizes`. */
import { UsageError } from "../util/errors.ts";

export interface SubsetSize {
  /** Rows of a set with `count` rows. */
  rowsOf(count: number): number;
  /** The end of the subset's file name, as upstream writes it. */
  suffix: string;
}

export function readSubsetSize(text: string): SubsetSize {
  const size = Number(text);
  if (text.trim() !== "" && size > 0 && size < 1)
    return { rowsOf: (count) => Math.max(1, Math.trunc(count * size)), suffix: `percent_${size}_subset` };
  if (Number.isSafeInteger(size) && size >= 1)
    return { rowsOf: (count) => Math.min(count, size), suffix: `samples_${size}_subset` };
  throw new UsageError(
    `a subset's size is a share between 0 and 1 or a whole number of rows, not '${text}'`,
    "0.1 takes a tenth of the rows, 500 takes 500 rows.",
  );
}
