/** Copies a checkpoint's adapter or model to its final place, once it is known to be what was written. */
import { createReadStream } from "node:fs";
import { join } from "node:path";
import type { Checkpoint } from "../artifacts.ts";
import { writeAtomically } from "../util/fs.ts";
import { sha256File } from "../util/hash.ts";
import { damaged } from "./checkpoint-files.ts";

/** @throws IlabError `CHECKPOINT_DAMAGED` */
export async function copyStudent({ directory, student, files }: Checkpoint, path: string): Promise<void> {
  const source = join(directory, student!);
  const sha256 = await sha256File(source).catch((cause: unknown) => {
    throw damaged(source, "it cannot be read", cause);
  });
  if (sha256 !== files[student!]?.sha256)
    throw damaged(source, `its checksum is ${sha256}, ${files[student!]?.sha256} was written`);
  await writeAtomically(path, async (file) => {
    for await (const piece of createReadStream(source)) await file.writeFile(piece as Buffer);
  });
}
