/**
 * Upstream's LLMBlock: a prompt file of five parts, rendered with the row and sent as one user message; the answer is read by tags or
 * by a pattern, one row for each finding.
 */
import { isAbsolute, join } from "node:path";
import { z } from "zod";
import type { Row } from "../../artifacts.ts";
import { defineBlock, withColumns } from "../block.ts";
import { mapRows } from "../map-rows.ts";
import { pipelineError, readYamlFile } from "../read-yaml-file.ts";
import { readTemplate } from "../template.ts";

const configSchema = z.strictObject({
  config_path: z.string(),
  output_cols: z.array(z.string()).min(1),
  /** The caller chooses the model; these are read so that upstream's files stay valid. */
  model_id: z.string().optional(),
  model_family: z.string().optional(),
  /** Empty: the prompt is completed as it stands, without the model's chat template. */
  model_prompt: z.literal("").optional(),
  gen_kwargs: z
    .strictObject({
      max_tokens: z.coerce.number().int().positive().default(2048),
      temperature: z.coerce.number().min(0).default(0),
      seed: z.coerce.number().int().optional(),
    })
    .default({ max_tokens: 2048, temperature: 0 }),
  parser_kwargs: z
    .strictObject({
      parser_name: z.literal("custom"),
      parsing_pattern: z.string(),
      parser_cleanup_tags: z.array(z.string()).default([]),
    })
    .optional(),
});

const part = z.string().nullish();
const promptSchema = z.strictObject({
  system: part,
  introduction: part,
  principles: part,
  examples: part,
  generation: part,
  start_tags: z.array(z.string()).default([]),
  end_tags: z.array(z.string()).default([]),
});

export const llmBlock = defineBlock<z.infer<typeof configSchema>>({
  type: "LLMBlock",
  summary: "asks the teacher with a prompt file and reads columns from its answer",
  configSchema,
  async create(config, directory) {
    const file = isAbsolute(config.config_path) ? config.config_path : join(directory, config.config_path);
    const prompt = await readYamlFile(file, promptSchema);
    const parts = [prompt.system, prompt.introduction, prompt.principles, prompt.examples, prompt.generation];
    const template = readTemplate(parts.map((text) => text ?? "").join("\n"), file);
    const { output_cols, gen_kwargs, parser_kwargs } = config;
    const read =
      parser_kwargs === undefined
        ? tagReader(prompt, output_cols, file)
        : patternReader(parser_kwargs, output_cols, file);
    return {
      inputColumns: template.names,
      outputColumns: (columns) => withColumns(columns, ...output_cols),
      async run(rows, context) {
        context.expect(rows.length);
        return mapRows(rows, context, async (row) => {
          const text = template.render(row).trim();
          const answer = await context.ask({
            prompt: config.model_prompt === "" ? { text } : { messages: [{ role: "user", content: text }] },
            maxTokens: gen_kwargs.max_tokens,
            temperature: gen_kwargs.temperature,
            seed: gen_kwargs.seed ?? context.seed,
          });
          const found = read(answer.text);
          if (found.length === 0)
            context.drop({ ...row, completion: answer.text }, "the answer has not the form that was asked for");
          return found.map((values): Row => ({ ...row, ...values }));
        });
      },
    };
  },
});

type Reader = (text: string) => Record<string, string>[];

/** Text between each column's tags; both tags empty: the whole text. As many rows as the column with the fewest findings has. */
function tagReader(
  tags: { start_tags: string[]; end_tags: string[] },
  columns: readonly string[],
  file: string,
): Reader {
  if (tags.start_tags.length < columns.length || tags.end_tags.length < columns.length)
    throw pipelineError(
      `${file}: start_tags and end_tags must have an entry for each of output_cols: ${columns.join(", ")}`,
    );
  return (text) => {
    const lists = columns.map((_, index) => between(text, tags.start_tags[index]!, tags.end_tags[index]!));
    const count = Math.min(...lists.map((list) => list.length));
    return Array.from({ length: count }, (_, row) =>
      Object.fromEntries(columns.map((column, index) => [column, lists[index]![row]!])),
    );
  };
}

function between(text: string, start: string, end: string): string[] {
  if (start === "" && end === "") return text.trim() === "" ? [] : [text.trim()];
  const found: string[] = [];
  let from = 0;
  for (;;) {
    const open = start === "" ? from : text.indexOf(start, from);
    if (open < 0) return found;
    const inner = open + start.length;
    const close = end === "" ? text.length : text.indexOf(end, inner);
    if (close < 0) return found;
    const value = text.slice(inner, close).trim();
    if (value !== "") found.push(value);
    if (end === "") return found;
    from = close + end.length;
  }
}

function patternReader(
  { parsing_pattern, parser_cleanup_tags }: { parsing_pattern: string; parser_cleanup_tags: string[] },
  columns: readonly string[],
  file: string,
): Reader {
  let pattern: RegExp;
  try {
    pattern = new RegExp(parsing_pattern, "gsu");
  } catch (cause) {
    throw pipelineError(`${file}: parsing_pattern: ${(cause as Error).message}`, undefined, cause);
  }
  const clean = (text: string) => parser_cleanup_tags.reduce((rest, tag) => rest.replaceAll(tag, ""), text).trim();
  return (text) =>
    [...text.matchAll(pattern)].map((match) =>
      Object.fromEntries(
        columns.map((column, index) => [column, clean(match[match.length > 1 ? index + 1 : 0] ?? "")]),
      ),
    );
}
