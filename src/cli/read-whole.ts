/** The whole number that a flag was given. Throws `UsageError` for anything else, and below the least that makes sense. */
import { UsageError } from "../util/errors.ts";

export function readWhole(flag: string, text: string, least: number): number {
  const number = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(number) || number < least)
    throw new UsageError(`${flag} must be a whole number of at least ${least}, not '${text}'`);
  return number;
}
