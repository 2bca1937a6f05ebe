/** The scripts behind `npm run demo` and `npm test`, in a small checkout of their own that borrows the installed packages. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { readdir, utimes } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../../src/util/assets.ts";
import { makeTempDir } from "../helpers/temp-dir.ts";

const files = [
  "package.json",
  "package-lock.json",
  "tsconfig.json",
  "tsconfig.build.json",
  "biome.json",
  "vitest.config.ts",
];

interface ScriptRun {
  status: number;
  output: string;
  /** Of standard output. */
  lastLine: string;
}

function makeCheckout(root: string): (script: string, env?: Record<string, string>) => ScriptRun {
  for (const file of files) cpSync(join(packageRoot, file), join(root, file));
  cpSync(join(packageRoot, "scripts"), join(root, "scripts"), { recursive: true });
  for (const directory of ["src/cli", "test/model"]) mkdirSync(join(root, directory), { recursive: true });
  symlinkSync(join(packageRoot, "node_modules"), join(root, "node_modules"));
  writeFileSync(join(root, "src", "cli", "main.ts"), "export const answer: number = 42;\n");
  return (script, env = {}) => {
    const inherited = Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_ENV$|TEST$)/.test(name));
    const result = spawnSync(process.execPath, [join(root, "scripts", script)], {
      cwd: root,
      encoding: "utf8",
      env: { ...Object.fromEntries(inherited), NO_COLOR: "1", ...env },
    });
    return {
      status: result.status ?? -1,
      output: result.stdout + result.stderr,
      lastLine: result.stdout.trimEnd().split("\n").at(-1) ?? "",
    };
  };
}

test("ensure builds once, again when a source changes, and keeps the last good build when one fails", async () => {
  await using directory = await makeTempDir();
  const root = directory.path;
  const run = makeCheckout(root);
  expect(run("ensure.mjs")).toMatchObject({ status: 0, output: "Building (tsc) ...\n" });
  expect(run("ensure.mjs")).toMatchObject({ status: 0, output: "" });
  await utimes(join(root, "src", "cli", "main.ts"), new Date(0), new Date(0));
  expect(run("ensure.mjs").output).toBe("Building (tsc) ...\n");
  writeFileSync(join(root, "src", "cli", "main.ts"), 'export const answer: number = "no";\n');
  const failed = run("ensure.mjs");
  expect(failed.status).toBe(1);
  expect(failed.output).toContain("TS2322");
  expect(await readdir(join(root, "dist", "cli"))).toContain("main.js");
  expect((await readdir(root)).filter((name) => name.startsWith("dist"))).toEqual(["dist"]);
});

test("the last line counts what vitest reported, and files that cannot be loaded and failed checks as failures", async () => {
  await using directory = await makeTempDir();
  const root = directory.path;
  const run = makeCheckout(root);
  const head = 'import { expect, test } from "vitest";\n\n';
  writeFileSync(
    join(root, "test", "good.test.ts"),
    `${head}test("a", () => expect(1).toBe(1));\ntest("b", () => {});\ntest.skip("c", () => {});\n`,
  );
  const env = { ILAB_MODEL_TESTS: "off" };
  const good = run("test.mjs", env);
  expect(good.lastLine).toBe("2 passed, 0 failed, 1 skipped");
  expect(good.status).toBe(0);

  writeFileSync(join(root, "test", "bad.test.ts"), `${head}test("d", () => expect(1).toBe(2));\n`);
  writeFileSync(join(root, "test", "broken.test.ts"), 'throw new Error("cannot be loaded");\n');
  writeFileSync(join(root, "src", "lint.ts"), 'export let x = "never reassigned"\n');
  const bad = run("test.mjs", env);
  expect(bad.lastLine).toBe("2 passed, 3 failed, 1 skipped");
  expect(bad.status).toBe(1);
});

test("no test at all is a failure, and model tests that must run but cannot are one too", async () => {
  await using directory = await makeTempDir();
  const run = makeCheckout(directory.path);
  const none = run("test.mjs", { ILAB_MODEL_TESTS: "off" });
  expect(none.status).toBe(1);
  expect(none.output).not.toMatch(/ 0 failed/);
  writeFileSync(
    join(directory.path, "test", "model", "x.test.ts"),
    'import { test } from "vitest";\n\ntest("a", () => {});\n',
  );
  // This checkout's program is one line that downloads nothing and fails when it is asked to.
  writeFileSync(join(directory.path, "src", "cli", "main.ts"), 'throw new Error("no model");\n');
  const skipped = run("test.mjs", { ILAB_MODEL_TESTS: "auto" });
  expect(skipped.output).toMatch(/Model tests skipped: the default model could not be had/);
  const must = run("test.mjs", { ILAB_MODEL_TESTS: "on" });
  expect(must.output).toMatch(/Model tests FAILED/);
  expect(must.status).toBe(1);
});
