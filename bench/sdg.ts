/**
 * What the program itself costs when it generates data: `npm run bench -- sdg`. The endpoint is a local server in a process of its own.
 *
 * 1. 100,000 rows through a pipeline that filters and formats: seconds and peak memory.
 * 2. The `full` knowledge pipeline over 20 chunks x 5 seeds with 3 pairs per generation and a server that answers at once.
 * 3. The same with a server that takes 50 ms and 64 requests in flight, against what that server could do at best, and against a loop that does nothing
 *    but send the same number of requests of that size.
 *
 * The last line is one JSON object; `seconds` is the median of runs in a process that is warm, `secondsOfFirstRun` has its warming up in it; `prompts` counts prompts as blocks ask them, `requests` what was left of them for the server.
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LeafSeeds, Row } from "../src/artifacts.ts";
import { openEndpointModel } from "../src/llm/endpoint-model.ts";
import { createTransport } from "../src/llm/http-transport.ts";
import { scriptedModel } from "../src/llm/scripted-model.ts";
import { loadPipeline } from "../src/pipeline/files/load-pipeline.ts";
import { generateLeaves } from "../src/pipeline/generate-leaves.ts";
import { runPipeline } from "../src/pipeline/run-pipeline.ts";
import { runWork } from "../src/util/events.ts";

const CHUNKS = 20;
const SEEDS = 5;
const DELAY_MS = 50;
const IN_FLIGHT = 64;
const ROWS = 100_000;
const RUNS = 5;

const directory = await mkdtemp(join(tmpdir(), "ilab-bench-"));
try {
  const rows = await formatRows();
  console.log(`${ROWS} rows: ${rows.seconds.toFixed(1)} s, ${(rows.peakBytes / 1e6).toFixed(0)} MB`);
  const cold = await generate(CHUNKS, 0, IN_FLIGHT, "cold");
  console.log(
    `${CHUNKS} chunks, first run: ${cold.seconds.toFixed(2)} s for ${cold.prompts} prompts, ${cold.requests} requests`,
  );
  const warm: number[] = [];
  for (let run = 0; run < RUNS; run++) warm.push((await generate(CHUNKS, 0, IN_FLIGHT, `warm ${run}`)).seconds);
  const seconds = warm.sort((a, b) => a - b)[RUNS >> 1]!;
  console.log(`${CHUNKS} chunks, median of ${RUNS} further runs with empty caches: ${seconds.toFixed(2)} s`);
  const slow = await generate(4 * CHUNKS, DELAY_MS, IN_FLIGHT, "slow");
  const ideal = (Math.ceil(slow.requests / IN_FLIGHT) * DELAY_MS) / 1000;
  console.log(
    `${slow.requests} requests of ${DELAY_MS} ms, ${IN_FLIGHT} in flight: ${slow.seconds.toFixed(2)} s, at best ${ideal.toFixed(2)} s`,
  );
  const bare = await bareClient();
  console.log(`a bare loop of requests reaches ${(100 * bare).toFixed(1)} % of that server's best`);
  const again = await generate(4 * CHUNKS, DELAY_MS, IN_FLIGHT, "slow");
  console.log(`the same again from the cache: ${again.seconds.toFixed(2)} s, ${again.requests} requests`);
  console.log(
    JSON.stringify({
      seconds: round(seconds),
      secondsOfFirstRun: round(cold.seconds),
      prompts: cold.prompts,
      requests: cold.requests,
      overheadMsPerPrompt: round((seconds * 1000) / cold.prompts),
      throughputOfIdeal: round(ideal / slow.seconds),
      throughputOfBareClient: round(ideal / slow.seconds / bare),
      secondsFromCache: round(again.seconds),
      rows: ROWS,
      rowsSeconds: round(rows.seconds),
      rowsPeakBytes: rows.peakBytes,
    }),
  );
} finally {
  await rm(directory, { recursive: true, force: true });
}

async function formatRows(): Promise<{ seconds: number; peakBytes: number }> {
  const file = join(directory, "format.yaml");
  await writeFile(
    file,
    `version: "1.0"
blocks:
  - { name: keep, type: FilterByValueBlock, config: { filter_column: score, filter_value: 0.5, operation: ge, convert_dtype: float } }
  - { name: copy, type: DuplicateColumnsBlock, config: { columns_map: { document: base_document } } }
  - { name: join, type: CombineColumnsBlock, config: { columns: [document, question], output_col: prompt } , drop_columns: [score]}
  - { name: name, type: RenameColumnsBlock, config: { columns_map: { answer: response } }, drop_duplicates: [question] }
`,
  );
  const rows: Row[] = Array.from({ length: ROWS }, (_, index) => ({
    document: `Document ${index % 1000}. ${"It says something about a place and its people. ".repeat(8)}`,
    question: `What is number ${index}?`,
    answer: `It is ${index}.`,
    score: String((index % 10) / 10),
    domain: "geography",
    leaf_node_type: "knowledge",
  }));
  const pipeline = await loadPipeline(file, Object.keys(rows[0]!));
  const started = performance.now();
  const { rows: made } = await runWork(runPipeline(rows, pipeline, { model: scriptedModel([]) }));
  if (made.length !== ROWS / 2) throw new Error(`${made.length} rows came out`);
  return { seconds: (performance.now() - started) / 1000, peakBytes: process.resourceUsage().maxRSS * 1024 };
}

async function generate(chunks: number, delayMs: number, concurrency: number, cache: string) {
  await using server = await startServer(delayMs);
  await using model = await openEndpointModel({ url: server.url, concurrency });
  // Each server has another address, and all give the same answers.
  const named = { ...model, identity: "bench" };
  const started = performance.now();
  const { leaves, usage } = await runWork(
    generateLeaves([leafSeeds(chunks)], {
      model: named,
      pipeline: "full",
      cacheDirectory: join(directory, cache),
      concurrency,
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  if (leaves[0]!.generated.length === 0) throw new Error("no rows came out");
  return { seconds, requests: usage.requests, prompts: usage.requests + usage.shared + usage.fromCache };
}

/** Throughput of a client without a pipeline, as a share of the ideal. */
async function bareClient(): Promise<number> {
  await using server = await startServer(DELAY_MS);
  const { exchange, close } = createTransport(server.url);
  const body = JSON.stringify({ model: "bench", messages: [{ role: "user", content: "[ANSWER] ".repeat(700) }] });
  const requests = 4000;
  let left = requests;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      while (left-- > 0) {
        const { text } = await exchange({
          method: "POST",
          url: `${server.url}/v1/chat/completions`,
          headers: { "content-type": "application/json" },
          body,
          timeoutMs: 10_000,
        });
        JSON.parse(text);
      }
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  await close();
  return ((requests / IN_FLIGHT) * DELAY_MS) / 1000 / seconds;
}

function leafSeeds(chunks: number): LeafSeeds {
  const words =
    "The town lies on a lake and has seven gates, of which the eastern one was built by a mason from the hills. ";
  return {
    leaf: {
      file: "/bench/qna.yaml",
      taxonomyPath: "knowledge->bench",
      name: "knowledge_bench",
      kind: "knowledge",
      createdBy: "bench",
      domain: "geography",
      documentOutline: "A town on a lake",
      seedExamples: Array.from({ length: SEEDS }, (_, seed) => ({
        context: `Seed ${seed}. ${words.repeat(3)}`,
        pairs: [1, 2, 3].map((n) => ({ question: `What is ${seed} ${n}?`, answer: `It is ${n}.` })),
      })),
      heldOut: [],
    },
    chunks: Array.from({ length: chunks }, (_, chunk) => ({
      source: "bench.md",
      headings: [`Part ${chunk}`],
      text: `Part ${chunk}. ${words.repeat(16)}`,
    })),
  };
}

async function startServer(delayMs: number): Promise<AsyncDisposable & { url: string }> {
  const program = new URL("./helpers/model-server.mjs", import.meta.url).pathname;
  const child = spawn(process.execPath, [program, String(delayMs)], { stdio: ["ignore", "pipe", "inherit"] });
  const port = await new Promise<string>((resolve, reject) => {
    child.stdout.once("data", (data: Buffer) => resolve(data.toString().trim()));
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
  });
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      child.kill();
    },
  };
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
