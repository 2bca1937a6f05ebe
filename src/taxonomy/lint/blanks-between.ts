/** Whether two tokens on one line stand too close together or too far apart. */
import type { Token } from "../yaml/token.ts";
import type { Report } from "./lint-rule.ts";

export interface BlankLimits {
  /** -1: no limit. */
  least?: number;
  most?: number;
  tooFew?: string;
  tooMany: string;
  hint: string;
}

/** The place told is where the blanks end, for what is missing one further. */
export function checkBlanks(
  left: Token | undefined,
  right: Token | undefined,
  limits: BlankLimits,
  report: Report,
): void {
  if (left === undefined || right === undefined || left.endLine !== right.line) return;
  const { least = -1, most = -1, tooFew = "", tooMany, hint } = limits;
  const blanks = right.start - left.end;
  const line = right.line + 1;
  if (most !== -1 && blanks > most) report({ line, column: right.column, message: tooMany, hint });
  else if (least !== -1 && blanks < least) report({ line, column: right.column + 1, message: tooFew, hint });
}
