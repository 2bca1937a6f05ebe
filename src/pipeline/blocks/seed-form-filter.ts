/** Keeps completed records that look like the leaf's seeds: complete, of like length, and no copy of a seed. */
import { z } from "zod";
import { type Block, cellText, defineBlock } from "../block.ts";
import { isImagined } from "../teacher/imagined.ts";
import { fixedAnswers } from "../text/fixed-answers.ts";
import { normaliseText } from "../text/normalise-text.ts";

const configSchema = z.strictObject({
  question_col: z.string().default("question"),
  response_col: z.string().default("response"),
  /** For grounded skills: must be there as well, and no seed's. */
  context_col: z.string().optional(),
  /** Longest part, as a multiple of the longest seed's. */
  longest: z.number().positive().default(2),
  /** Shortest part, as a share of the shortest seed's. */
  shortest: z.number().min(0).default(0.4),
});

export const seedFormFilterBlock = defineBlock<z.infer<typeof configSchema>>({
  type: "SeedFormFilterBlock",
  summary: "drops records that are empty, copies of seeds, or far longer or shorter than seeds",
  configSchema,
  async create(config): Promise<Block> {
    const parts = [
      config.question_col,
      config.response_col,
      ...(config.context_col === undefined ? [] : [config.context_col]),
    ];
    return {
      inputColumns: parts,
      outputColumns: (columns) => [...columns],
      async run(rows, context) {
        const { seedExamples } = context.seeds.leaf;
        const seeds = seedExamples.flatMap(({ context: text, pairs }) =>
          pairs.map(({ question, answer }) => [
            question,
            answer,
            ...(config.context_col === undefined ? [] : [text ?? ""]),
          ]),
        );
        const known = new Set(seeds.map((seed) => seed.map(normaliseText)).map((seed) => seed[2] ?? seed[0]));
        const bounds = parts.map((_, index) => {
          const lengths = seeds.map((seed) => seed[index]!.trim().length);
          return {
            least: Math.floor(Math.min(...lengths) * config.shortest),
            most: Math.ceil(Math.max(...lengths) * config.longest),
          };
        });
        const labels = fixedAnswers(seeds.map(([, answer]) => answer!));
        return rows.filter((row) => {
          if (parts.some((column) => isImagined(row[column]))) return true;
          const values = parts.map((column) => cellText(row, column).trim());
          let reason: string | undefined;
          if (values.some((value) => value === "")) reason = "a part is empty";
          else if (known.has(normaliseText(values[2] ?? values[0]!))) reason = "a copy of a seed";
          else if (normaliseText(values[0]!) === normaliseText(values[1]!)) reason = "the answer repeats the question";
          else if (labels !== undefined && !labels.has(values[1]!)) reason = "not one of the seeds' fixed answers";
          else if (values.some((value, index) => value.length > bounds[index]!.most))
            reason = "far longer than the seeds";
          else if (values.some((value, index) => value.length < bounds[index]!.least))
            reason = "far shorter than the seeds";
          if (reason !== undefined) context.drop(row, reason);
          return reason === undefined;
        });
      },
    };
  },
});
