/** What generation runs lie in a directory, ours and those of the Python program, which leaves no manifest. */
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { MANIFEST_FILE, runManifestSchema } from "../artifacts.ts";
import { countDataRows } from "../formats/data-file.ts";

export interface DataRunSummary {
  directory: string;
  /** ISO 8601; of a run without manifest, when its directory was last changed. */
  startedAt: string;
  /** False for a run that was stopped, and for one that another program made. */
  hasManifest: boolean;
  teacher?: string;
  pipeline?: string;
  /** The file to train on. */
  messagesFile?: string;
  /** Rows in it. */
  samples: number;
  leaves: { name: string; generatedRows: number }[];
  sizeBytes: number;
}

/** Newest first; a directory that is not there holds none. */
export async function listDataRuns(directory: string): Promise<DataRunSummary[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const runs: DataRunSummary[] = [];
  for (const entry of entries) {
    const run = entry.isDirectory() ? await readDataRun(join(directory, entry.name)) : undefined;
    if (run !== undefined) runs.push(run);
  }
  return runs.sort((a, b) => b.startedAt.localeCompare(a.startedAt) || b.directory.localeCompare(a.directory));
}

/** Undefined for a directory that is no generation run. */
export async function readDataRun(directory: string): Promise<DataRunSummary | undefined> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
  const manifest = await readManifest(directory);
  if (manifest !== undefined && manifest.stage !== "generate") return undefined;
  const messages = manifest?.outputs["messages"] ?? files.find((file) => /^messages_[^/\\]*\.jsonl$/.test(file));
  const generated = files.filter((file) => /^generated_[^/\\]*[/\\][^/\\]*\.jsonl$/.test(file));
  if (messages === undefined && generated.length === 0) return undefined;
  const messagesFile = messages !== undefined && files.includes(messages) ? join(directory, messages) : undefined;
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(directory, file))).size));
  const text = (key: string) => {
    const value = manifest?.config[key];
    return typeof value === "string" ? { [key]: value } : {};
  };
  return {
    directory,
    startedAt: manifest?.startedAt ?? (await stat(directory)).mtime.toISOString(),
    hasManifest: manifest !== undefined,
    ...text("teacher"),
    ...text("pipeline"),
    ...(messagesFile === undefined ? {} : { messagesFile }),
    samples: messagesFile === undefined ? 0 : (manifest?.counts["samples"] ?? (await countDataRows(messagesFile))),
    leaves: await Promise.all(
      generated.map(async (file) => ({
        name: basename(file, ".jsonl"),
        generatedRows: await countDataRows(join(directory, file)),
      })),
    ),
    sizeBytes: sizes.reduce((sum, size) => sum + size, 0),
  };
}

async function readManifest(directory: string) {
  const text = await readFile(join(directory, MANIFEST_FILE), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return runManifestSchema.parse(JSON.parse(text));
  } catch {
    // Of another program, or another version.
    return undefined;
  }
}
