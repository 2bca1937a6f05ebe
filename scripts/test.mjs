/**
 * `npm test`: type check, lint, then the tests: those that need nothing, and those in test/model/ when the default model can be had.
 * ILAB_MODEL_TESTS=off leaves those out, =on makes a missing model a failure, =auto (default) skips them and says why.
 * Ends with `N passed, N failed`, counted from vitest's own reports; a failed check of another kind counts as one failure.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ensure, root } from "./ensure.mjs";

const inRoot = (...parts) => join(root, ...parts);
const totals = { passed: 0, failed: 0, skipped: 0 };

const modelTests = process.env.ILAB_MODEL_TESTS || "auto";
if (!["on", "off", "auto"].includes(modelTests)) {
  console.error(`ILAB_MODEL_TESTS is '${modelTests}'; it must be on, off or auto.`);
  process.exit(2);
}

const problem = ensure();
if (problem !== undefined) totals.failed += 1;
if (existsSync(inRoot("node_modules", "vitest"))) {
  check("Type check", ["typescript", "bin", "tsc"], ["--noEmit"]);
  check("Lint", ["@biomejs", "biome", "bin", "biome"], ["check", "."]);
  runTests("unit");
  const reason = reasonToSkipModelTests();
  if (reason === undefined) runTests("model");
  else if (modelTests === "on") {
    console.log(`Model tests FAILED: ${reason}`);
    totals.failed += 1;
  } else console.log(`Model tests skipped: ${reason}`);
}
if (totals.passed + totals.failed === 0) {
  console.log("No test ran.");
  totals.failed += 1;
}
process.exitCode = totals.failed === 0 ? 0 : 1;
const skipped = totals.skipped === 0 ? "" : `, ${totals.skipped} skipped`;
console.log(`${totals.passed} passed, ${totals.failed} failed${skipped}`);

function check(title, program, argumentList) {
  console.log(`${title} ...`);
  const file = inRoot("node_modules", ...program);
  const { status } = spawnSync(process.execPath, [file, ...argumentList], { cwd: root, stdio: "inherit" });
  if (status === 0) return;
  console.log(`${title} FAILED`);
  totals.failed += 1;
}

function runTests(project) {
  console.log(`Tests (${project}) ...`);
  const report = inRoot("test-results", `${project}.json`);
  mkdirSync(inRoot("test-results"), { recursive: true });
  rmSync(report, { force: true });
  const { status } = spawnSync(
    process.execPath,
    [
      inRoot("node_modules", "vitest", "vitest.mjs"),
      "run",
      "--project",
      project,
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${report}`,
    ],
    { cwd: root, stdio: "inherit" },
  );
  if (!existsSync(report)) {
    console.log(`Tests (${project}) FAILED: the runner ended with status ${status} and left no report`);
    totals.failed += 1;
    return;
  }
  const results = JSON.parse(readFileSync(report, "utf8"));
  // A file that cannot even be loaded has no tests to count, and must not pass for that.
  const brokenFiles = results.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  ).length;
  let failed = results.numFailedTests + brokenFiles;
  if (status !== 0 && failed === 0) failed = 1;
  totals.passed += results.numPassedTests;
  totals.failed += failed;
  totals.skipped += results.numPendingTests + results.numTodoTests;
}

/** Gets the default model into the user's own store when it is not there yet. */
function reasonToSkipModelTests() {
  if (modelTests === "off") return "ILAB_MODEL_TESTS=off";
  if (!readdirSync(inRoot("test", "model"), { recursive: true }).some((name) => name.endsWith(".test.ts")))
    return modelTests === "on" ? "there is none in test/model/" : "there are none";
  console.log("Default model ...");
  const program = inRoot("dist", "cli", "main.js");
  if (!existsSync(program)) return "the program was not built";
  const result = spawnSync(
    process.execPath,
    [program, "model", "download", "smollm2-135m", "--yes", "--config", "DEFAULT"],
    {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  if (result.status === 0) return undefined;
  return `the default model could not be had\n${result.stderr.trim()}`;
}
