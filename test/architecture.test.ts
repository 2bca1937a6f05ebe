/** The layer rule of docs/decisions/001-layers.md: imports only point downwards, and stages never import each other. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../src/util/assets.ts";

const source = join(packageRoot, "src");
const stages = ["taxonomy", "seeds", "pipeline", "datasets", "training", "checkpoints", "evaluation", "build", "rag"];
const layers = [
  ["util"],
  ["artifacts.ts"],
  ["config", "formats", "llm", "models", "tensor", "jobs"],
  stages,
  ["flow.ts", "training-process.ts"],
  ["server", "chat", "bot"],
  ["cli", "index.ts"],
];
const layerOf = (place: string) => layers.findIndex((layer) => layer.includes(place));

const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));

test.each(files)("%s imports only what lies below it", (file) => {
  const own = file.split(/[\\/]/)[0]!;
  expect(layerOf(own), `${own} has no layer`).toBeGreaterThanOrEqual(0);
  const text = readFileSync(join(source, file), "utf8");
  for (const [, specifier] of text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)) {
    const target = relative(source, resolve(dirname(join(source, file)), specifier!)).split(/[\\/]/)[0]!;
    if (target === own || target.startsWith("..")) continue;
    expect(layerOf(target), `${file} -> ${specifier}`).toBeLessThan(
      layerOf(own) + (stages.includes(own) || !layers[layerOf(own)]!.includes(target) ? 0 : 1),
    );
  }
});
