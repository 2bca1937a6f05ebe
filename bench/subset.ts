/**
 * Subset selection by facility location over random unit vectors on disk: seconds, and memory beyond what Node.js takes by itself.
 *
 *     npm run bench -- subset [--rows 100000] [--dimensions 384] [--size 10000]
 *
 * The last line is one JSON object.
 */
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { selectSubset } from "../src/datasets/select-subset.ts";
import { runWork } from "../src/util/events.ts";
import { createRandomSource } from "../src/util/rng.ts";

const { values } = parseArgs({
  options: { rows: { type: "string" }, dimensions: { type: "string" }, size: { type: "string" } },
});
const rows = Number(values.rows ?? 100_000);
const dimensions = Number(values.dimensions ?? 384);
const size = Number(values.size ?? rows / 10);

const directory = await mkdtemp(join(tmpdir(), "subset-"));
const handle = await open(join(directory, "vectors.f32"), "w+");
try {
  const random = createRandomSource(1);
  for (let row = 0; row < rows; row++) {
    const vector = Float32Array.from({ length: dimensions }, () => random.next() - 0.5);
    const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
    await handle.appendFile(new Uint8Array(vector.map((value) => value / norm).buffer));
  }
  const read = async (wanted: readonly number[]) => {
    const vectors = new Float32Array(wanted.length * dimensions);
    const bytes = new Uint8Array(vectors.buffer);
    for (const [index, row] of wanted.entries())
      await handle.read(bytes, index * dimensions * 4, dimensions * 4, row * dimensions * 4);
    return vectors;
  };
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  let peak = before;
  const startedAt = performance.now();
  const work = selectSubset({ count: rows, read }, { sizes: [size], seed: 42 });
  const [chosen] = await runWork(work, () => {
    peak = Math.max(peak, process.memoryUsage().rss);
  });
  const seconds = (performance.now() - startedAt) / 1000;
  const result = {
    rows,
    dimensions,
    chosen: chosen!.length,
    seconds: Number(seconds.toFixed(1)),
    vectorsMegabytes: Math.round((rows * dimensions * 4) / 1e6),
    peakMegabytes: Math.round(peak / 1e6),
    addedMegabytes: Math.round((peak - before) / 1e6),
  };
  console.log(JSON.stringify(result));
} finally {
  await handle.close();
  await rm(directory, { recursive: true });
}
