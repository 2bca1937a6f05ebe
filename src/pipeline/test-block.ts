/** Runs one block of the registry on rows, for the tests of this folder, and holds it to what every block promises. */
import { expect } from "vitest";
import type { LeafSeeds, Row } from "../artifacts.ts";
import type { AskRequest, Block, BlockContext, BlockSettings } from "./block.ts";
import { blockRegistry } from "./registry.ts";
import { imaginedText } from "./teacher/imagined.ts";
import { testLeaf } from "./test-leaf.ts";

export interface TestRunOptions {
  /** Answers in the order of the requests; a list gives several to one request. */
  answers?: (string | string[])[];
  /** Nothing is asked: answers are placeholders. */
  finishReason?: "stop" | "length";
  isRehearsal?: boolean;
  seeds?: LeafSeeds;
  /** Where the block's files lie. */
  directory?: string;
  settings?: Partial<BlockSettings>;
}

export async function makeBlock(type: string, config: unknown, options: TestRunOptions = {}): Promise<Block> {
  const { directory = "/", settings = {} } = options;
  const definition = blockRegistry[type]!;
  return await definition.create(definition.configSchema.parse(config), directory, {
    name: "block",
    scaleFactor: 30,
    createBlock: (inner, innerConfig) => makeBlock(inner, innerConfig, options),
    noteFile: () => {},
    ...settings,
  });
}

export async function runBlock(type: string, config: unknown, rows: Row[], options: TestRunOptions = {}) {
  const { answers = [], finishReason = "stop", isRehearsal = false, seeds = testLeaf() } = options;
  const reasons: string[] = [];
  const dropped: Row[] = [];
  const requests: AskRequest[] = [];
  const context: BlockContext = {
    seeds,
    seed: 1,
    async ask(request) {
      requests.push(request);
      const given = answers.shift() ?? "";
      const texts = isRehearsal
        ? Array.from({ length: request.n ?? 1 }, () => imaginedText(request.expectedTokens ?? 150))
        : [given].flat();
      return { text: texts[0]!, texts, finishReason, isImagined: isRehearsal };
    },
    drop(row, reason) {
      dropped.push(row);
      reasons.push(reason);
    },
  };
  const block = await makeBlock(type, config, options);
  const before = structuredClone(rows);
  const result: Row[] = [];
  if ("run" in block) result.push(...(await block.run(rows, context)));
  else for (const row of rows) result.push(...(await block.runRow(row, context)));
  expect(rows, "the input is left as it was").toEqual(before);
  const columns = block.outputColumns([...new Set(rows.flatMap((row) => Object.keys(row)))]);
  for (const row of result) for (const column of Object.keys(row)) expect(columns, type).toContain(column);
  const prompts = requests.map(({ prompt }) => JSON.stringify(prompt));
  return { result, reasons, dropped, requests, prompts, block };
}
