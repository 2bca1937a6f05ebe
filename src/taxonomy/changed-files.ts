/** Which files of a taxonomy differ from a git base: committed since, staged, changed in the working tree, or not yet known to git. */
import { IlabError, UsageError } from "../util/errors.ts";
import { type GitOptions, git, lastLines, runGit } from "../util/git.ts";

/**
 * Paths relative to `root`, sorted; deleted files included, because a leaf that lost a document has changed too. A branch is
 * compared from where HEAD left it; any other commit directly. `root` may be a directory inside a larger repository.
 */
export async function changedFiles(root: string, base: string, options: GitOptions = {}): Promise<string[]> {
  const inside = await runGit(root, ["rev-parse", "--is-inside-work-tree"], options);
  if (inside.exitCode !== 0 || inside.stdout.trim() !== "true")
    throw new UsageError(
      `${root} is not in a git repository, so changes since '${base}' cannot be told: ${lastLines(inside.stderr, 1)}`,
      "Use '--taxonomy-base empty' to take every leaf.",
    );
  const commit = await resolveBase(root, base, options);
  const [changed, untracked] = await Promise.all([
    git(root, ["diff", "--name-only", "-z", "--relative", "--no-renames", "--no-ext-diff", commit, "--"], options),
    git(root, ["ls-files", "--others", "--exclude-standard", "-z"], options),
  ]);
  return [...new Set(`${changed}${untracked}`.split("\0"))].filter((path) => path !== "").sort();
}

async function resolveBase(root: string, base: string, options: GitOptions): Promise<string> {
  const notFound = new IlabError({
    code: "TAXONOMY_BASE_NOT_FOUND",
    message: `'${base}' is not a branch, tag or commit of the git repository at ${root}`,
    hint: "Fetch it ('git fetch'), name another one with '--taxonomy-base', or use '--taxonomy-base empty' to take every leaf.",
  });
  if (base === "" || base.startsWith("-")) throw notFound;
  const commit = await firstLine(
    root,
    ["rev-parse", "--verify", "--quiet", "--end-of-options", `${base}^{commit}`],
    options,
  );
  if (commit === undefined) throw notFound;
  const fullName = await firstLine(root, ["rev-parse", "--symbolic-full-name", "--end-of-options", base], options);
  if (!/^refs\/(heads|remotes)\//m.test(fullName ?? "")) return commit;
  const mergeBase = await firstLine(root, ["merge-base", "HEAD", commit], options);
  if (mergeBase !== undefined) return mergeBase;
  throw new IlabError({
    code: "TAXONOMY_BASE_UNRELATED",
    message: `the current branch and '${base}' have no commit in common`,
    hint: "Fetch more of the history ('git fetch --unshallow'), or name another base with '--taxonomy-base'.",
  });
}

async function firstLine(root: string, args: string[], options: GitOptions): Promise<string | undefined> {
  const { exitCode, stdout } = await runGit(root, args, options);
  const lines = stdout.split("\n").filter((line) => line !== "" && line !== "--end-of-options");
  return exitCode === 0 ? lines[0] : undefined;
}
