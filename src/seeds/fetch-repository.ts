/**
 * The files of a git repository at one commit, in a directory that is made once and kept. The directory gets its name only when
 * it is complete; one that was interrupted stays a `.part-…` and is swept away a day later.
 */
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { IlabError } from "../util/errors.ts";
import { acquireFileLock } from "../util/file-lock.ts";
import { describeWriteError, writeFileAtomic } from "../util/fs.ts";
import { commitProblem, lastLines, redactCredentials, repositoryProblem, runGit } from "../util/git.ts";
import { sha256 } from "../util/hash.ts";

export interface FetchRepositoryOptions {
  /** Holds one directory for each finished checkout. */
  cacheDirectory: string;
  /** What a relative path to a repository is relative to, before the working directory is tried. */
  baseDirectory: string;
  /** Only a commit by its full id that is cached already; anything else is `DOCUMENT_NOT_CACHED`. */
  isOffline?: boolean;
  signal?: AbortSignal;
}

export interface FetchedRepository {
  /** Holds the files of the commit, without git's own. */
  directory: string;
  wasCached: boolean;
  /** What a reader should know: that a name was not looked up anew. */
  warning?: string;
}

/**
 * `repository`: any address that git fetches from, or a path. `commit`: best a full id, which is fetched alone where the server allows it;
 * the name of a branch or tag is looked up anew each time, and what it meant last time is taken when the repository cannot be reached.
 */
export async function fetchRepository(
  repository: string,
  commit: string,
  { cacheDirectory: cache, baseDirectory, isOffline = false, signal }: FetchRepositoryOptions,
): Promise<FetchedRepository> {
  refuseUnsafe(repository, commit);
  const address = await addressOf(repository, baseDirectory);
  if (isOffline) {
    const place = placeOf(cache, address, commit.toLowerCase());
    if (isFullId(commit) && (await isDirectory(place))) return { directory: place, wasCached: true };
    throw new IlabError({
      code: "DOCUMENT_NOT_CACHED",
      message: `the commit '${commit}' of ${redactCredentials(address)} is not cached`,
      hint: "Fetch it first.",
    });
  }
  await makeDirectory(cache);
  await sweep(cache);
  const { id, warning } = await resolveName(cache, address, commit, signal);
  const known = id === undefined ? undefined : placeOf(cache, address, id);
  if (known !== undefined && (await isDirectory(known))) return { directory: known, wasCached: true, warning };
  // Whoever wants the same at the same time waits, and finds it made.
  await using _lock = await acquireFileLock(`${placeOf(cache, address, id ?? commit)}.lock`, { signal });
  if (known !== undefined && (await isDirectory(known))) return { directory: known, wasCached: true, warning };
  const part = await mkdtemp(join(cache, PART_PREFIX));
  try {
    const fetched = await fetchInto(part, address, commit, id, signal);
    const place = placeOf(cache, address, fetched);
    await rm(join(part, ".git"), { recursive: true, force: true });
    try {
      await rename(part, place);
    } catch (error) {
      // Another process finished the same commit meanwhile; its files are as good.
      if (!(await isDirectory(place))) throw describeWriteError(place, error);
    }
    if (!isFullId(commit)) await writeFileAtomic(nameFile(cache, address, commit), fetched);
    return { directory: place, wasCached: false, warning };
  } finally {
    await rm(part, { recursive: true, force: true });
  }
}

/** The full id of a commit; undefined where only the repository's history can tell. */
async function resolveName(
  cache: string,
  address: string,
  commit: string,
  signal: AbortSignal | undefined,
): Promise<{ id?: string; warning?: string }> {
  if (isFullId(commit)) return { id: commit.toLowerCase() };
  const file = nameFile(cache, address, commit);
  const last = (await readFile(file, "utf8").catch(() => undefined))?.trim();
  const hasLast = last !== undefined && isFullId(last) && (await isDirectory(placeOf(cache, address, last)));
  let id: string | undefined;
  try {
    id = await lookUp(cache, address, commit, signal);
  } catch (error) {
    if (!hasLast || !(error instanceof IlabError) || error.code !== "DOCUMENT_REPOSITORY_FAILED") throw error;
    return {
      id: last,
      warning: `${redactCredentials(address)} cannot be reached; '${commit}' is taken as it was last time`,
    };
  }
  // The beginning of an id means the same for ever.
  if (id === undefined && hasLast && last.startsWith(commit.toLowerCase())) return { id: last };
  if (id !== undefined && id !== last && (await isDirectory(placeOf(cache, address, id))))
    await writeFileAtomic(file, id);
  return { id };
}

const PART_PREFIX = ".part-";
const PART_LIFETIME_MS = 24 * 60 * 60 * 1000;

const isFullId = (commit: string) => /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(commit);
const placeOf = (cache: string, address: string, id: string) => join(cache, sha256(`${address}\0${id}`).slice(0, 32));
/** Remembers which commit a name meant. */
const nameFile = (cache: string, address: string, name: string) => `${placeOf(cache, address, name)}.name`;

function refuseUnsafe(repository: string, commit: string): void {
  const why = repositoryProblem(repository);
  const whyCommit = commitProblem(commit);
  if (why === undefined && whyCommit === undefined) return;
  throw new IlabError({
    code: "DOCUMENT_SOURCE_UNSAFE",
    message:
      why === undefined
        ? `the commit '${commit}' ${whyCommit}`
        : `the repository '${redactCredentials(repository)}' ${why}`,
    hint: "Give an https or ssh address, or a path, and the full id of a commit.",
  });
}

/** Paths become absolute; `host:path` and `scheme://` stay as they are. */
async function addressOf(repository: string, baseDirectory: string): Promise<string> {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(repository)) return repository;
  const candidates = isAbsolute(repository) ? [repository] : [resolve(baseDirectory, repository), resolve(repository)];
  for (const candidate of candidates) if (await isDirectory(candidate)) return candidate;
  // As git tells them apart: a colon before the first slash means a host.
  if (/^[^/\\]+:/.test(repository)) return repository;
  throw new IlabError({
    code: "DOCUMENT_REPOSITORY_NOT_FOUND",
    message: `the repository '${repository}' does not exist: there is no directory ${candidates.join(" or ")}`,
    hint: "Give an address that 'git clone' accepts, such as https://host/owner/name, or the path of a repository.",
  });
}

/** The id behind a branch or tag, asked from the repository itself; undefined when it knows no such name. */
async function lookUp(
  directory: string,
  address: string,
  name: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const wanted = name === "HEAD" ? [name] : [`refs/tags/${name}^{}`, `refs/tags/${name}`, `refs/heads/${name}`, name];
  const { exitCode, stdout, stderr } = await runGit(directory, [...careful, "ls-remote", "--", address, ...wanted], {
    signal,
  });
  if (exitCode !== 0) throw fetchError(address, stderr);
  const ids = new Map(stdout.split("\n").map((line) => line.split("\t").reverse() as [string, string]));
  return wanted.map((reference) => ids.get(reference)).find((id) => id !== undefined);
}

/** A server that stops sending is given up after a minute; nothing of the repository's own runs. */
const careful = [
  ...["-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=60"],
  ...["-c", "core.hooksPath=/dev/null", "-c", "core.autocrlf=false", "-c", "advice.detachedHead=false"],
];

/** Fetches and checks out; returns the full id. */
async function fetchInto(
  directory: string,
  address: string,
  commit: string,
  id: string | undefined,
  signal: AbortSignal | undefined,
): Promise<string> {
  const run = async (...args: string[]) => await runGit(directory, [...careful, ...args], { signal });
  const leavingPointers = { signal, env: { ...process.env, GIT_LFS_SKIP_SMUDGE: "1" } };
  const idOf = async (name: string) => {
    const { exitCode, stdout } = await run("rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`);
    return exitCode === 0 ? stdout.trim().split("\n").at(-1) : undefined;
  };
  const fail = (stderr: string) => {
    throw fetchError(address, stderr);
  };
  const format = id?.length === 64 ? "sha256" : "sha1";
  const made = await run("init", "--quiet", "--template=", `--object-format=${format}`);
  if (made.exitCode !== 0) fail(made.stderr);
  // Git LFS asks the remote for the files that it keeps.
  const named = await run("config", "remote.origin.url", address);
  if (named.exitCode !== 0) fail(named.stderr);
  const quietly = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules"];
  let found: string | undefined;
  let refusal = "";
  // The commit alone; from servers that give nothing but the ends of branches, the branch or tag alone, if it still means that commit.
  for (const wanted of id === undefined ? [] : [id, ...(isFullId(commit) ? [] : [commit])]) {
    const single = await run(...quietly, "--depth", "1", "--", address, wanted);
    if (single.exitCode === 0 && (await idOf("FETCH_HEAD")) === id) found = id;
    else refusal ||= single.stderr;
    if (found !== undefined) break;
  }
  if (found === undefined) {
    // Nobody who cannot be reached once is asked for everything.
    if (isUnreachable(refusal)) fail(refusal);
    // Everything: a partial clone would need single files by their ids, which a server that refused the commit's refuses as well.
    const references = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"];
    const whole = await run(...quietly, "--", address, ...references);
    if (whole.exitCode !== 0) fail(whole.stderr);
    found = (await idOf(id ?? commit)) ?? (await idOf(`refs/remotes/origin/${commit}`));
  }
  if (found === undefined)
    throw new IlabError({
      code: "DOCUMENT_COMMIT_NOT_FOUND",
      message: `the repository ${redactCredentials(address)} has no commit '${commit}'`,
      hint: "Check the id; 'git rev-parse HEAD' in the repository prints it. Was the commit pushed?",
    });
  const checkout = ["checkout", "--quiet", "--force", "--detach", found, "--"];
  let checkedOut = await run(...checkout);
  // Files in Git LFS that cannot be had are told when one is read; all others are good without them.
  if (checkedOut.exitCode !== 0 && /\blfs\b|smudge/i.test(checkedOut.stderr))
    checkedOut = await runGit(directory, [...careful, ...checkout], leavingPointers);
  if (checkedOut.exitCode !== 0) fail(checkedOut.stderr);
  return found;
}

function isUnreachable(stderr: string): boolean {
  return /could not resolve host|connection (?:refused|timed out|reset)|network is unreachable|failed to connect|could not read (?:username|password)|authentication failed|permission denied|repository .*not found|does not appear to be a git repository|no such file/i.test(
    stderr,
  );
}

function fetchError(address: string, stderr: string): IlabError {
  if (/no space left on device|disk quota exceeded/i.test(stderr))
    return new IlabError({
      code: "DISK_FULL",
      message: `no space left while fetching ${redactCredentials(address)}`,
      hint: "Free some space. What was finished before is kept.",
    });
  return new IlabError({
    code: "DOCUMENT_REPOSITORY_FAILED",
    message: `cannot fetch the documents from ${redactCredentials(address)}: ${lastLines(stderr)}`,
    hint: "Check the address, the network and whether you may read it: 'git ls-remote' with the address must work.",
  });
}

async function makeDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
  } catch (error) {
    throw describeWriteError(directory, error);
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

/** Removes what interrupted runs left behind, but nothing that another process may still be filling. */
async function sweep(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (!name.startsWith(PART_PREFIX)) continue;
    const status = await stat(join(cache, name)).catch(() => undefined);
    if (status !== undefined && Date.now() - status.mtimeMs > PART_LIFETIME_MS)
      await rm(join(cache, name), { recursive: true, force: true });
  }
}
