/** Which base a taxonomy is compared with when the user did not say: without a history, or without that branch, all of it counts. */
import { stat } from "node:fs/promises";
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
  const status = await stat(taxonomyPath).catch(() => undefined);
  // A single file is taken whatever git says, and what is not there is told by whoever reads it.
  if (!status?.isDirectory()) return { base: configured };
  const { stderr } = await runGit(taxonomyPath, ["rev-parse", "--is-inside-work-tree"], { signal });
  if (configured === "empty") return { base: configured };
  if (/not a git repository/.test(stderr))
    return { base: "empty", note: `${taxonomyPath} is not in a git repository: every leaf counts as changed` };
  const known = await runGit(
    taxonomyPath,
    ["rev-parse", "--verify", "--quiet", "--end-of-options", `${configured}^{commit}`],
    { signal },
  );
  if (known.exitCode === 0) return { base: configured };
  return {
    base: "empty",
    note: `the repository of ${taxonomyPath} has no '${configured}': every leaf counts as changed`,
  };
}
