import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../util/assets.ts";
import { renderCliDocs, renderConfigDocs } from "./render-docs.ts";

test.each([
  ["cli.md", renderCliDocs],
  ["config.md", renderConfigDocs],
])("docs/%s is what 'npm run docs' writes", (name, render) => {
  expect(readFileSync(join(packageRoot, "docs", name), "utf8"), "run 'npm run docs'").toBe(render());
});
