/** Upstream's IterBlock: runs another block several times on the same rows and keeps all results. */
import { z } from "zod";
import type { Row } from "../../artifacts.ts";
import { deriveSeed } from "../../util/rng.ts";
import { type Block, type BlockContext, defineBlock } from "../block.ts";

/** The inner block's own config stands beside these. */
const configSchema = z.looseObject({ num_iters: z.int().positive(), block_type: z.string() });

export const iterBlock = defineBlock<z.infer<typeof configSchema>>({
  type: "IterBlock",
  summary: "runs the block block_type num_iters times on the same rows",
  configSchema,
  async create({ num_iters, block_type, ...config }, _directory, settings): Promise<Block> {
    const inner = await settings.createBlock(block_type, config);
    const { inputColumns } = inner;
    const outputColumns = (columns: readonly string[]) => inner.outputColumns(columns);
    // A seed of its own for each time: otherwise every repetition would get the first one's answer.
    const contexts = (context: BlockContext) =>
      Array.from({ length: num_iters }, (_, time) =>
        time === 0 ? context : { ...context, seed: deriveSeed(context.seed, time) >>> 1 },
      );
    const runAll = async (work: (context: BlockContext) => Row[] | Promise<Row[]>, context: BlockContext) =>
      (await Promise.all(contexts(context).map(work))).flat();
    return "runRow" in inner
      ? {
          inputColumns,
          outputColumns,
          runRow: (row, context) => runAll((own) => inner.runRow(row, own), context),
        }
      : {
          inputColumns,
          outputColumns,
          run: (rows, context) => runAll((own) => inner.run(rows, own), context),
        };
  },
});
