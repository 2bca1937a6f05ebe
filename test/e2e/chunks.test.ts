/** `ilab data chunks` as a user runs it: documents of every format, the leaves of a taxonomy, a docling-serve server, bad input. */
import { cp, mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../../src/util/assets.ts";
import { runIlab } from "../helpers/run-ilab.ts";
import { makeTempDir } from "../helpers/temp-dir.ts";
import { writeTinyModel } from "../helpers/tiny-model.ts";

const golden = (name: string) => join(packageRoot, "test/golden/documents", name);
interface Piece {
  leaf?: string;
  source: string;
  headings: string[];
  text: string;
  tokens: number;
}

test("a document: pieces with headings and estimated tokens, for people and for scripts", async () => {
  const shown = await runIlab(["data", "chunks", golden("handbook.pdf")]);
  expect(shown.exitCode, shown.stderr).toBe(0);
  expect(shown.stdout).toMatch(/^handbook\.pdf$/m);
  expect(shown.stdout).toMatch(
    /^\[2\] \d+ tokens {2}Handbook of the Harbour of Tollan > 1 The harbour > 1\.1 The quays$/m,
  );
  expect(shown.stdout).toContain("    | North Quay | 240 m | 6.5 m | 1874 |");
  expect(shown.stdout).toMatch(/6 pieces, \d+ estimated tokens\n$/);

  const run = await runIlab([
    "data",
    "chunks",
    golden("handbook.pdf"),
    "--chunk-tokens",
    "80",
    "--chunk-overlap",
    "1",
    "--json",
  ]);
  const result = JSON.parse(run.stdout) as { pieces: Piece[]; count: number; tokens: number; unit: string };
  expect(result.count).toBe(result.pieces.length);
  expect(result.unit).toBe("estimated tokens");
  expect(Math.max(...result.pieces.map(({ tokens }) => tokens))).toBeLessThanOrEqual(80);
  const harbour = result.pieces.filter(({ headings }) => headings.at(-1) === "1 The harbour");
  expect(harbour.length).toBeGreaterThan(1);
  const end = harbour[0]!.text.split(/(?<=\.) /).at(-1)!;
  expect(harbour[1]!.text.startsWith(end)).toBe(true);
});

test("the leaves of a taxonomy, several formats in one, counted by a model's tokenizer", async () => {
  await using directory = await makeTempDir();
  const taxonomy = join(directory.path, "taxonomy");
  await cp(join(packageRoot, "examples", "taxonomy"), taxonomy, { recursive: true });
  const model = join(directory.path, "tiny.gguf");
  await writeTinyModel(model);
  const all = ["data", "chunks", "--taxonomy-path", taxonomy, "--taxonomy-base", "empty", "--model", model, "--json"];
  const run = await runIlab(all, { home: directory.path });
  expect(run.exitCode, run.stderr).toBe(0);
  const { pieces, unit } = JSON.parse(run.stdout) as { pieces: Piece[]; unit: string };
  expect(unit).toBe("tokens");
  expect(new Set(pieces.map(({ leaf }) => leaf?.split("->")[0]))).toEqual(new Set(["knowledge"]));
  expect(pieces.every(({ tokens, headings }) => tokens > 0 && headings.length > 0)).toBe(true);
  const same = await runIlab(["data", "chunks", taxonomy, "--taxonomy-base", "empty", "--model", model, "--json"], {
    home: directory.path,
  });
  expect(same.stdout).toBe(run.stdout);
});

test("docling-serve reads what this machine cannot, once", async () => {
  let conversions = 0;
  const server = createServer(async (request, response) => {
    for await (const _ of request);
    if (request.method === "POST") conversions += 1;
    const answer =
      request.method === "POST"
        ? { task_id: "t", task_status: "success" }
        : { document: { md_content: "# Scan\n\nThe text of the picture." }, status: "success", errors: [] };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  await using directory = await makeTempDir();
  try {
    const documents = join(directory.path, "documents");
    await mkdir(documents);
    await cp(golden("scan.pdf"), join(documents, "scan.PDF"));
    await cp(golden("scan.pdf"), join(documents, "slides.pptx"));
    await writeFile(join(documents, "note.md"), "A note.");
    const config = join(directory.path, "config.yaml");
    await writeFile(config, `generate:\n  docling_url: http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
    for (const _ of ["first", "again"]) {
      const run = await runIlab(["--config", config, "data", "chunks", documents, "--json"], { home: directory.path });
      expect(run.exitCode, run.stderr).toBe(0);
      expect((JSON.parse(run.stdout).pieces as Piece[]).map(({ source, text }) => [source, text])).toEqual([
        ["note.md", "A note."],
        ["scan.PDF", "The text of the picture."],
        ["slides.pptx", "The text of the picture."],
      ]);
    }
    // The same bytes under two names and in two runs.
    expect(conversions).toBe(1);
  } finally {
    server.close();
  }
});

test.each<[string, string[], number, RegExp]>([
  ["a scan", [golden("scan.pdf")], 1, /scan\.pdf.*has no text/],
  ["nothing there", ["nowhere.pdf"], 2, /no file or folder/],
  ["a folder without documents", [join(packageRoot, "src", "util")], 2, /no document/],
  ["a budget that is too small", [golden("handbook.pdf"), "--chunk-tokens", "5"], 2, /from 20 on/],
  ["two budgets", [golden("handbook.pdf"), "--chunk-tokens", "50", "--chunk-word-count", "50"], 2, /one of them/],
])("%s", async (_, args, exitCode, message) => {
  const run = await runIlab(["data", "chunks", ...args]);
  expect(run.exitCode).toBe(exitCode);
  expect(run.stderr).toMatch(message);
});
