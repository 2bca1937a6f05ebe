/** sdg_hub's RowMultiplierBlock: every row several times. */
import { z } from "zod";
import { defineBlock } from "../block.ts";

const configSchema = z.strictObject({
  num_samples: z.int().positive(),
  shuffle: z.literal(false, "rows stay in their order here").default(false),
  random_seed: z.int().nullish(),
});

export const rowMultiplierBlock = defineBlock<z.infer<typeof configSchema>>({
  type: "RowMultiplierBlock",
  summary: "repeats every row num_samples times (sdg_hub)",
  configSchema,
  async create({ num_samples }) {
    return {
      inputColumns: [],
      outputColumns: (columns) => [...columns],
      runRow: (row) => Array.from({ length: num_samples }, () => ({ ...row })),
    };
  },
});
