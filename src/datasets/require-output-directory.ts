/** Makes the directory for runs and makes sure that it can be written, before hours of work end in a refusal. */
import { constants } from "node:fs";
import { access, mkdir } from "node:fs/promises";
import { UsageError } from "../util/errors.ts";
import { describeWriteError } from "../util/fs.ts";

export async function requireOutputDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
    await access(directory, constants.W_OK | constants.X_OK);
  } catch (error) {
    const described = describeWriteError(directory, error);
    if (described !== error) throw described;
    throw new UsageError(
      `the output directory ${directory} cannot be made: ${(error as Error).message}`,
      "Choose another place with --output-dir.",
    );
  }
}
