/** What `ilab --help` loads: nothing but the command line itself, so that it answers at once. Follows imports, not `import()`. */
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../util/assets.ts";

const mayBeLoaded = /^src\/(cli\/|util\/|config\/(paths|find-config-file)\.ts$)/;

test("the command line loads no stage, no model code and no package but commander", () => {
  const packages = new Set<string>();
  const files = new Map<string, string>();
  const visit = (file: string, from: string) => {
    if (files.has(file)) return;
    files.set(file, from);
    const text = readFileSync(join(packageRoot, file), "utf8");
    for (const [, clause, specifier] of text.matchAll(/^(?:import|export)\s([^;]*?)from\s+"([^"]+)";/gm)) {
      if (clause!.startsWith("type ")) continue;
      if (specifier!.startsWith(".")) visit(relative(packageRoot, join(packageRoot, dirname(file), specifier!)), file);
      else if (!specifier!.startsWith("node:")) packages.add(specifier!);
    }
  };
  visit("src/cli/main.ts", "");
  expect(files.size).toBeGreaterThan(20);
  const heavy = [...files].filter(([file]) => !mayBeLoaded.test(file)).map(([file, from]) => `${from} -> ${file}`);
  expect(heavy).toEqual([]);
  expect([...packages]).toEqual(["commander"]);
});
