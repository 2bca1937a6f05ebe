/** sdg_hub's LLMResponseExtractorBlock: takes the text out of an answer; several answers become several rows. */
import { z } from "zod";
import type { JsonValue } from "../../artifacts.ts";
import { defineBlock, withColumns } from "../block.ts";

const configSchema = z.strictObject({
  input_col: z.string(),
  /** The result is the column `<field_prefix>content`. */
  field_prefix: z.string(),
  extract_content: z.literal(true, "the content is all that teachers give here").default(true),
  /** Teachers give none apart from their answer here; a block that needs its column is told so when the flow is checked. */
  extract_reasoning_content: z.boolean().default(false),
  extract_tool_calls: z.literal(false, "tools are not called here").default(false),
  /** False keeps several answers as a list. */
  expand_lists: z.boolean().default(true),
});

export const responseExtractorBlock = defineBlock<z.infer<typeof configSchema>>({
  type: "LLMResponseExtractorBlock",
  summary: "takes the text out of a teacher's answer, a row for each (sdg_hub)",
  configSchema,
  async create({ input_col, field_prefix, expand_lists }) {
    const output = `${field_prefix}content`;
    return {
      inputColumns: [input_col],
      outputColumns: (columns) => withColumns(columns, output),
      runRow(row, context) {
        const value = row[input_col] ?? null;
        const texts = [value].flat().map(contentOf);
        if (texts.length === 0 || texts.includes(undefined)) {
          context.drop(row, `${input_col} holds no answer with a text`);
          return [];
        }
        const contents = texts as string[];
        if (Array.isArray(value) && !expand_lists) return [{ ...row, [output]: contents }];
        return contents.map((text) => ({ ...row, [output]: text }));
      },
    };
  },
});

function contentOf(answer: JsonValue): string | undefined {
  if (typeof answer === "string") return answer;
  if (typeof answer !== "object" || answer === null || Array.isArray(answer)) return undefined;
  return typeof answer["content"] === "string" ? answer["content"] : undefined;
}
