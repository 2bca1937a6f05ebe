/** Names and makes the directory of one run: `<YYYY-MM-DD_HHMMSS>` in local time, as upstream names its runs. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { describeWriteError } from "./fs.ts";

export function localStamp(date: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}_${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`;
}

/** Makes a new directory below `parent`, with a number behind the stamp when two runs begin in one second. */
export async function makeRunDirectory(parent: string, startedAt: Date): Promise<string> {
  const stamp = localStamp(startedAt);
  try {
    await mkdir(parent, { recursive: true });
    for (let attempt = 1; ; attempt++) {
      const directory = join(parent, attempt === 1 ? stamp : `${stamp}_${attempt}`);
      try {
        await mkdir(directory);
        return directory;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
    }
  } catch (error) {
    throw describeWriteError(parent, error);
  }
}
