/** `training.jsonl`: one line per step and per validation, written as they come. A run that goes on keeps what led to its checkpoint. */
import { existsSync } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { describeWriteError, writeFileAtomic } from "../util/fs.ts";

export interface TrainingLog extends AsyncDisposable {
  append(entry: object): Promise<void>;
  /** Makes sure that what was appended survives a power failure. */
  flush(): Promise<void>;
}

/** @param lastStep lines of later steps are dropped: they will be written again. */
export async function openTrainingLog(path: string, lastStep: number): Promise<TrainingLog> {
  if (existsSync(path)) await writeFileAtomic(path, keepUpTo(await readFile(path, "utf8"), lastStep));
  const file = await open(path, "a").catch((error: unknown) => {
    throw describeWriteError(path, error);
  });
  const orExplain = (work: Promise<unknown>) =>
    work.then(
      () => {},
      (error: unknown) => {
        throw describeWriteError(path, error);
      },
    );
  return {
    append: (entry) => orExplain(file.appendFile(`${JSON.stringify(entry)}\n`)),
    flush: () => orExplain(file.sync()),
    [Symbol.asyncDispose]: () => file.close(),
  };
}

function keepUpTo(text: string, lastStep: number): string {
  return text
    .split("\n")
    .filter((line) => {
      try {
        return (JSON.parse(line) as { step: number }).step <= lastStep;
      } catch {
        // The last line of a process that was killed while it wrote, or the nothing behind the last newline.
        return false;
      }
    })
    .map((line) => `${line}\n`)
    .join("");
}
