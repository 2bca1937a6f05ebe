/** Asks on the terminal; nobody there means no. The question goes to stderr, so that stdout stays clean. */
import { CancelledError } from "../util/errors.ts";

export async function askYesOrNo(question: string, signal: AbortSignal): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return false;
  const { confirm, isCancel } = await import("@clack/prompts");
  const answer = await confirm({ message: question, initialValue: false, output: process.stderr, signal });
  if (isCancel(answer)) throw new CancelledError();
  return answer;
}
