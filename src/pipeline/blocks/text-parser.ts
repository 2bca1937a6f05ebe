/** sdg_hub's TextParserBlock (and TagParser, RegexParser): reads columns out of a text, by tags or by a pattern, a row for each finding. */
import { z } from "zod";
import type { Row } from "../../artifacts.ts";
import { defineBlock, withColumns } from "../block.ts";
import { pipelineError } from "../files/read-yaml-file.ts";
import { isImagined, partOfImagined } from "../teacher/imagined.ts";
import { patternReader, tagReader } from "./answer-reader.ts";

const configSchema = z.strictObject({
  input_col: z.string(),
  output_cols: z.array(z.string()).min(1),
  start_tags: z.array(z.string()).nullish(),
  end_tags: z.array(z.string()).nullish(),
  parsing_pattern: z.string().nullish(),
  parser_cleanup_tags: z.array(z.string()).nullish(),
  /** Teachers give no reasoning apart from their answer here: there is none to save. */
  save_reasoning_content: z.boolean().optional(),
});

/** Findings of a pattern in one answer, in rehearsals. */
const LIKELY_MATCHES = 4;

export const textParserBlock = defineBlock<z.infer<typeof configSchema>>({
  type: "TextParserBlock",
  summary: "reads columns out of a text by tags or by a pattern (sdg_hub)",
  configSchema,
  async create({ input_col, output_cols, start_tags, end_tags, parsing_pattern, parser_cleanup_tags }) {
    if (!parsing_pattern && !start_tags?.length && !end_tags?.length)
      throw pipelineError("needs start_tags and end_tags, or a parsing_pattern");
    const reader = parsing_pattern
      ? patternReader({ parsing_pattern, parser_cleanup_tags }, output_cols, "config")
      : tagReader({ start_tags: start_tags ?? [], end_tags: end_tags ?? [] }, output_cols, "config");
    const likelyRows = parsing_pattern ? LIKELY_MATCHES : 1;
    return {
      inputColumns: [input_col],
      outputColumns: (columns) => withColumns(columns, ...output_cols),
      runRow(row, context) {
        return [row[input_col] ?? null].flat().flatMap((text): Row[] => {
          if (typeof text !== "string") {
            context.drop(row, `${input_col} is no text`);
            return [];
          }
          if (isImagined(text)) {
            return Array.from({ length: likelyRows }, (_, part) => {
              const cell = partOfImagined(text, likelyRows * output_cols.length, part);
              return { ...row, ...Object.fromEntries(output_cols.map((column) => [column, cell])) };
            });
          }
          const found = reader.read(text);
          if (found.length === 0) context.drop({ ...row, completion: text }, reader.objection(text));
          return found.map((values) => ({ ...row, ...values }));
        });
      },
    };
  },
});
