/** Which base a taxonomy is compared with when the user did not say: a plain folder has no history, so all of it counts. */
import { dirname } from "node:path";
import { runGit } from "../util/git.ts";

export interface ChosenBase {
  base: string;
  /** Why it is not the configured one, to be told to the user. */
  note?: string;
}

/** `asked`: what the user gave, which always holds. `configured`: the default, such as `origin/main`. */
export async function chooseBase(
  taxonomyPath: string,
  { asked, configured, signal }: { asked?: string; configured: string; signal?: AbortSignal },
): Promise<ChosenBase> {
  if (asked !== undefined) return { base: asked };
  if (configured === "empty") return { base: configured };
  for (const directory of [taxonomyPath, dirname(taxonomyPath)]) {
    const { exitCode, stderr } = await runGit(directory, ["rev-parse", "--is-inside-work-tree"], { signal });
    if (exitCode === 0) return { base: configured };
    if (/not a git repository/.test(stderr))
      return { base: "empty", note: `${taxonomyPath} is not in a git repository: every leaf counts as changed` };
  }
  return { base: configured };
}
