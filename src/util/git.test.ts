import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { commitProblem, git, lastLines, redactCredentials, repositoryProblem, runGit } from "./git.ts";

const directory = mkdtempSync(join(tmpdir(), "ilab-git-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test("a reason stands before what git says of every remote", () => {
  const said =
    "ssh: Could not resolve hostname nowhere\nfatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.\n";
  expect(lastLines(said)).toBe("ssh: Could not resolve hostname nowhere");
  expect(lastLines("fatal: Could not read from remote repository.\n")).toContain("Could not read");
});

test("git's reason is in the error, and hooks' variables do not redirect it", async () => {
  await expect(git(directory, ["status"])).rejects.toMatchObject({
    code: "GIT_FAILED",
    message: expect.stringContaining("not a git repository"),
  });
  await git(directory, ["init", "--quiet"]);
  const env = { ...process.env, GIT_DIR: "/nowhere", GIT_WORK_TREE: "/nowhere" };
  expect(await git(directory, ["status", "--porcelain"], { env })).toBe("");
});

test("transports that run programs are refused by git itself too", async () => {
  const { exitCode, stderr } = await runGit(directory, ["ls-remote", "--", "ext::touch owned"], {
    env: { ...process.env, GIT_ALLOW_PROTOCOL: "ext:file" },
  });
  expect(exitCode).not.toBe(0);
  expect(stderr).toContain("not allowed");
});

test("an aborted signal stops it", async () => {
  await expect(git(directory, ["status"], { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: "CANCELLED",
  });
});

test.each(["-x", "--upload-pack=touch /tmp/x", "ext::sh -c x", "fd::3", "ftp://h/x", "a\nb"])(
  "the repository %j is refused",
  (repository) => expect(repositoryProblem(repository)).toBeDefined(),
);
test.each(["https://h/x.git", "ssh://git@h:22/x", "git@h:o/x.git", "/srv/x", "../x", "file:///x", "HTTP://h/x"])(
  "the repository %j is allowed",
  (repository) => expect(repositoryProblem(repository)).toBeUndefined(),
);
test.each(["-x", "a b", "a\nb", "a:b", "a..b", "+a", "@{1}", "a*"])("the commit %j is refused", (commit) =>
  expect(commitProblem(commit)).toBeDefined(),
);
test.each(["main", "v1.0", "feature/x", "0123abc", "HEAD", "main~2"])("the commit %j is allowed", (commit) =>
  expect(commitProblem(commit)).toBeUndefined(),
);

test("passwords are not shown", () => {
  expect(redactCredentials("fatal: 'https://user:secret@host/x' and git@host:y")).toBe(
    "fatal: 'https://***@host/x' and git@host:y",
  );
});
