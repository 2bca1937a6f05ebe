/**
 * Runs git without a shell, without prompts and with the ordinary transports only: `ext::` and the like could run any program
 * that a repository address names. Values from files must stand behind `--` or `--end-of-options`; that is the caller's part.
 */
import { IlabError } from "./errors.ts";
import { type RunResult, runProgram } from "./process.ts";

/** Everything that fetches and cannot run a program of the address's choice. */
export const ALLOWED_GIT_PROTOCOLS = ["file", "git", "http", "https", "ssh"] as const;

export interface GitOptions {
  signal?: AbortSignal;
  /** Default: `process.env`. */
  env?: NodeJS.ProcessEnv;
}

/** Runs `git -C directory ...args`. A status other than 0 is a result; git not being installed is an error. */
export async function runGit(directory: string, args: readonly string[], options: GitOptions = {}): Promise<RunResult> {
  return await runProgram("git", ["-C", directory, ...args], {
    env: gitEnvironment(options.env ?? process.env),
    signal: options.signal,
  });
}

/** As `runGit`, but a status other than 0 is `GIT_FAILED` with what git said. Returns standard output. */
export async function git(directory: string, args: readonly string[], options: GitOptions = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await runGit(directory, args, options);
  if (exitCode === 0) return stdout;
  throw new IlabError({
    code: "GIT_FAILED",
    message: `git ${args.find((arg) => !arg.startsWith("-")) ?? ""} failed in ${directory}: ${lastLines(stderr)}`,
  });
}

/** What git says behind every reason that a remote gave. */
const generalities =
  /^(?:fatal: Could not read from remote repository\.|Please make sure you have the correct access rights|and the repository exists\.)$/;

/** The last lines of what git said, on one line, without passwords that an address may carry. */
export function lastLines(stderr: string, count = 2): string {
  const lines = stderr.split("\n").filter((line) => line.trim() !== "");
  const telling = lines.filter((line) => !generalities.test(line.trim()));
  return redactCredentials((telling.length > 0 ? telling : lines).slice(-count).join("; ")) || "it gave no reason";
}

/** `https://user:secret@host/x` -> `https://***@host/x`: what is printed, logged or stored never holds a password. */
export function redactCredentials(text: string): string {
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^/@\s]+@/gi, "$1***@");
}

/** Variables that tie git to one repository, as hooks set them; they would redirect every call. */
const repositoryVariables = [
  "GIT_ALTERNATE_OBJECT_DIRECTORIES",
  "GIT_COMMON_DIR",
  "GIT_DIR",
  "GIT_INDEX_FILE",
  "GIT_NAMESPACE",
  "GIT_OBJECT_DIRECTORY",
  "GIT_PREFIX",
  "GIT_WORK_TREE",
];

function gitEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const result: NodeJS.ProcessEnv = {
    // A host key or passphrase question would wait for ever where nobody looks.
    GIT_SSH_COMMAND: "ssh -o BatchMode=yes",
    ...env,
    GIT_TERMINAL_PROMPT: "0",
    GIT_ALLOW_PROTOCOL: ALLOWED_GIT_PROTOCOLS.join(":"),
    LC_ALL: "C",
  };
  for (const name of repositoryVariables) delete result[name];
  return result;
}

/** Why git must not be given this repository address; undefined when it may. Follows "the repository ...". */
export function repositoryProblem(repository: string): string | undefined {
  if (repository.startsWith("-")) return "begins with '-', so git would read it as an option";
  if (hasControlCharacter(repository)) return "holds control characters";
  if (/^[A-Za-z0-9+.-]+::/.test(repository)) return "names a transport that can run programs";
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(repository)?.[1]?.toLowerCase();
  if (scheme !== undefined && !(ALLOWED_GIT_PROTOCOLS as readonly string[]).includes(scheme))
    return `uses '${scheme}:'; allowed are ${ALLOWED_GIT_PROTOCOLS.join(", ")}`;
  return undefined;
}

/** Why git must not be given this commit, branch or tag; undefined when it may. Follows "the commit ...". */
export function commitProblem(commit: string): string | undefined {
  if (commit.startsWith("-")) return "begins with '-', so git would read it as an option";
  if (/\s/.test(commit) || hasControlCharacter(commit)) return "holds spaces or control characters";
  // `a:b` would be a file inside a commit, `a..b` a range, `:/text` a search, `+a` a forced update.
  if (/[:?*[\\]|\.\.|@\{|^\+/.test(commit)) return "is not the name of a single commit, branch or tag";
  return undefined;
}

function hasControlCharacter(text: string): boolean {
  return [...text].some((character) => character < " " || character === "\x7f");
}
