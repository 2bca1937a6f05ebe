/** The real program, spawned in a home of its own: help, errors, exit statuses, what stands on stdout and what on stderr. */
import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../../src/util/assets.ts";
import { runIlab } from "../helpers/run-ilab.ts";
import { makeTempDir } from "../helpers/temp-dir.ts";

test("help lists every group on stdout, without anything else happening", async () => {
  for (const args of [["--help"], [], ["-h"]]) {
    const { exitCode, stdout, stderr } = await runIlab(args);
    expect(exitCode).toBe(0);
    expect(stderr).toBe("");
    for (const word of ["config", "data", "model", "system", "taxonomy", "--json", "Examples:"])
      expect(stdout).toContain(word);
  }
});

test("a group without a verb shows its help", async () => {
  const { exitCode, stdout, stderr } = await runIlab(["model"]);
  expect([exitCode, stderr]).toEqual([0, ""]);
  expect(stdout).toContain("Usage: ilab model");
});

test("the version is printed wherever it is asked for", async () => {
  const { stdout } = await runIlab(["--version"]);
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect((await runIlab(["model", "list", "--version"])).stdout).toBe(stdout);
});

test.each([
  [["modle", "list"], "unknown command 'modle'", "Did you mean 'ilab model'?"],
  [["model", "lsit"], "unknown command 'lsit'", "Did you mean 'ilab model list'?"],
  [["downlod"], "unknown command 'downlod'", "Did you mean 'ilab model download'?"],
  [["model", "list", "--jsno"], "unknown option '--jsno'", "Did you mean '--json'?"],
  [["config", "show", "-k"], "option '-k, --key <name>' argument missing", "'ilab config show --help'"],
  [["model", "list", "surplus"], "too many arguments", "'ilab model list --help'"],
  [["config", "show", "-k", "chat.modl"], "no configuration key 'chat.modl'", "Did you mean 'chat.model'?"],
])("ilab %j is a usage error with the nearest name", async (args, message, hint) => {
  const { exitCode, stdout, stderr } = await runIlab(args);
  expect(exitCode).toBe(2);
  expect(stdout).toBe("");
  expect(stderr).toMatch(/^error: .*\nhint: .*\n$/s);
  expect(stderr).toContain(message);
  expect(stderr).toContain(hint);
});

test("with --json an error is one JSON object on stdout", async () => {
  for (const args of [
    ["--json", "nope"],
    ["model", "remove", "nope", "--json"],
  ]) {
    const { exitCode, stdout, stderr } = await runIlab(args);
    expect(exitCode).not.toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: expect.stringMatching(/^[A-Z_]+$/),
        message: expect.stringContaining("nope"),
        hint: expect.any(String),
      },
    });
    expect(stderr).toBe("");
  }
});

test("config init writes what config show reads; an existing file is not replaced unasked", async () => {
  await using home = await makeTempDir();
  const at = { home: home.path };
  expect((await runIlab(["config", "init", "--non-interactive", "--model-path", "mine.gguf"], at)).exitCode).toBe(0);
  expect((await runIlab(["config", "show", "-k", "chat.model"], at)).stdout).toBe("mine.gguf\n");
  const again = await runIlab(["config", "init"], at);
  expect(again.exitCode).toBe(130);
  expect(again.stderr).toContain("left as it is");
  expect((await runIlab(["config", "init", "--yes"], at)).exitCode).toBe(0);
  expect((await runIlab(["config", "show", "-k", "chat.model"], at)).stdout).toBe("smollm2-135m\n");
  const shown = await runIlab(["config", "show", "--json"], at);
  expect(JSON.parse(shown.stdout)).toMatchObject({ chat: { model: "smollm2-135m" } });
  expect((await runIlab(["config", "show", "-wc"], at)).stdout).not.toContain("#");
});

test("a broken configuration stops commands with place and hint, and not those that mend it", async () => {
  await using home = await makeTempDir();
  const file = join(home.path, ".config", "instructlab", "config.yaml");
  await mkdir(join(file, ".."), { recursive: true });
  await writeFile(file, "chat:\n  max_tokens: many\n");
  const at = { home: home.path };
  const broken = await runIlab(["model", "list"], at);
  expect(broken.exitCode).toBe(2);
  expect(broken.stderr).toContain(`${file}:2:15: chat.max_tokens`);
  expect(broken.stderr).toContain("hint: ");
  expect((await runIlab(["system", "info"], at)).exitCode).toBe(0);
  expect((await runIlab(["model", "list", "--config", "DEFAULT"], at)).exitCode).toBe(0);
  expect((await runIlab(["config", "init", "--non-interactive"], at)).exitCode).toBe(0);
  expect((await runIlab(["model", "list"], at)).exitCode).toBe(0);
});

test("an unknown key in the configuration warns once and the command goes on", async () => {
  await using home = await makeTempDir();
  const file = join(home.path, "other.yaml");
  await writeFile(file, "chat:\n  modle: x\n");
  const { exitCode, stdout, stderr } = await runIlab(["--config", file, "config", "show", "-k", "chat.model"]);
  expect([exitCode, stdout]).toEqual([0, "smollm2-135m\n"]);
  expect(stderr).toBe(`warning: ${file}:2:10: unknown key 'chat.modle' is ignored; did you mean 'chat.model'?\n`);
  const missing = await runIlab(["model", "list", "--config", "/no/such.yaml"]);
  expect(missing.exitCode).toBe(2);
  expect(missing.stderr).toContain("/no/such.yaml does not exist");
});

test("an error is short, and shows its stack with --verbose", async () => {
  await using home = await makeTempDir();
  const args = ["config", "init", "--non-interactive"];
  await writeFile(join(home.path, ".config"), "");
  const { exitCode, stderr } = await runIlab(args, { home: home.path });
  expect(exitCode).toBe(1);
  expect(stderr).not.toContain("    at ");
  expect((await runIlab([...args, "-v"], { home: home.path })).stderr).toContain("    at ");
});

test("a reader that goes away is no error", async () => {
  await using home = await makeTempDir();
  const program = join(packageRoot, "dist", "cli", "main.js");
  const child = spawn(process.execPath, [program, "config", "show"], { env: { ...process.env, HOME: home.path } });
  child.stdout.destroy();
  let stderr = "";
  child.stderr.on("data", (piece) => {
    stderr += piece;
  });
  const exitCode = await new Promise((done) => child.on("close", done));
  expect([exitCode, stderr]).toEqual([0, ""]);
});
