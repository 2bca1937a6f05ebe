/**
 * How much of what held-out questions ask for gets into the generated pairs: per leaf, the share of held-out answers that at least one,
 * two, three pairs answer, and the seconds it took. Questions with the held-out wording do not count, because they are refused later.
 *
 *     npm run bench -- coverage TAXONOMY... [--model FILE] [--cache DIRECTORY] [--show]
 *
 * The last line is one JSON object.
 */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { LeafSeeds, Row } from "../src/artifacts.ts";
import { ilabPaths } from "../src/config/paths.ts";
import { openLocalModel } from "../src/llm/local-model.ts";
import { DEFAULT_MODEL_NAME } from "../src/models/catalog.ts";
import { resolveModel } from "../src/models/resolve-model.ts";
import { generateLeaves } from "../src/pipeline/generate-leaves.ts";
import { contentStems } from "../src/pipeline/text/words.ts";
import { collectSeeds } from "../src/seeds/collect-seeds.ts";
import { readTaxonomy } from "../src/taxonomy/read-taxonomy.ts";
import { runWork } from "../src/util/events.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { model: { type: "string" }, cache: { type: "string" }, show: { type: "boolean" } },
});
const paths = ilabPaths();
const file = values.model ?? (await resolveModel(DEFAULT_MODEL_NAME, { directory: paths.models }));
const cacheDirectory = resolve(values.cache ?? (await mkdtemp(join(tmpdir(), "coverage-"))));
await using model = await openLocalModel({ file });

const results: Record<string, unknown>[] = [];
for (const place of positionals.length > 0 ? positionals : ["examples/taxonomy"]) {
  const { leaves } = await readTaxonomy(place, { base: "empty" });
  const all = await runWork(collectSeeds(leaves, { cacheDirectory: join(paths.cache, "documents") }));
  for (const seeds of all.filter(({ leaf }) => leaf.kind === "knowledge")) results.push(await measure(seeds));
}
console.log(JSON.stringify({ leaves: results }));

async function measure(seeds: LeafSeeds): Promise<Record<string, unknown>> {
  const startedAt = performance.now();
  let requests = 0;
  const { leaves } = await runWork(generateLeaves([seeds], { model, pipeline: "compact", cacheDirectory }), (event) => {
    if (event.type === "step-progress") requests = event.total ?? 0;
  });
  const seconds = (performance.now() - startedAt) / 1000;
  const pairs = leaves[0]!.generated.filter((row) => ["qa", "echo"].includes(String(row["dataset_type"])));
  const counts = seeds.leaf.heldOut.map(({ question, answer }) => {
    const asked = contentStems(question);
    const news = [...contentStems(answer)].filter((stem) => !asked.has(stem));
    const needed = news.length > 0 ? news : [...contentStems(answer)];
    return { question, answer, count: pairs.filter((row) => answers(row, asked, needed)).length };
  });
  if (values.show) {
    for (const row of pairs)
      console.log(`${row["dataset_type"]}${row["rotation"] ?? ""}  ${row["question"]}  =>  ${row["response"]}`);
    for (const { question, answer, count } of counts) console.log(`${count}  ${question}  =>  ${answer}`);
    for (const { block, reason, count } of leaves[0]!.drops) console.log(`dropped ${count} by ${block}: ${reason}`);
  }
  const atLeast = (least: number) => counts.filter(({ count }) => count >= least).length;
  const result = {
    leaf: seeds.leaf.name,
    pairs: pairs.length,
    rows: leaves[0]!.generated.length,
    heldOut: counts.length,
    atLeast1: atLeast(1),
    atLeast2: atLeast(2),
    atLeast3: atLeast(3),
    requests,
    seconds: Number(seconds.toFixed(1)),
  };
  console.log(JSON.stringify(result));
  return result;
}

/** The answer brings what is needed, its question does not give it away, and its sentence is about what is asked. */
function answers(row: Row, asked: ReadonlySet<string>, needed: readonly string[]): boolean {
  const given = contentStems(String(row["question"]));
  const said = contentStems(String(row["response"]));
  const about = contentStems(`${row["question"]} ${row["sentence"]}`);
  return needed.every((stem) => said.has(stem) && !given.has(stem)) && [...asked].some((stem) => about.has(stem));
}
