/** A prompt file (upstream's five parts and its tags), read and ready to be asked with. */
import { isAbsolute, join } from "node:path";
import { z } from "zod";
import type { Row } from "../../artifacts.ts";
import { type BlockContext, type BlockSettings, cellText } from "../block.ts";
import { promptForm } from "../files/prompt-family.ts";
import { readYamlFile } from "../files/read-yaml-file.ts";
import { readTemplate } from "../files/template.ts";
import { CHARACTERS_PER_TOKEN, partOfImagined } from "../teacher/imagined.ts";
import { type AnswerReader, parserSchema, patternReader, tagReader } from "./answer-reader.ts";
import { generationParameters, generationSchema } from "./generation-settings.ts";

/** What all blocks with prompt files have in common. */
export const askingConfig = {
  output_cols: z.array(z.string()).min(1),
  /** The caller chooses the model; read so that upstream's files stay valid. */
  model_id: z.string().nullish(),
  client: z.string().nullish(),
  model_family: z.string().nullish(),
  model_prompt: z.string().nullish(),
  gen_kwargs: generationSchema.nullish(),
  parser_kwargs: parserSchema.nullish(),
  /** `batched`: whether a server may be asked in lists, which is found out here. */
  batch_kwargs: z.strictObject({ num_samples: z.int().positive().nullish(), batched: z.boolean().nullish() }).nullish(),
};
export type AskingConfig = z.infer<z.ZodObject<typeof askingConfig>>;

const part = z.string().nullish();
const promptSchema = z.strictObject({
  system: part,
  introduction: part,
  principles: part,
  examples: part,
  generation: part,
  start_tags: z
    .array(
      z
        .string()
        .nullable()
        .transform((tag) => tag ?? ""),
    )
    .nullish(),
  end_tags: z
    .array(
      z
        .string()
        .nullable()
        .transform((tag) => tag ?? ""),
    )
    .nullish(),
  /** For estimates: rows that one answer is likely to give, and its tokens, or the column that it is about as long as. */
  expected_rows: z.int().positive().optional(),
  expected_tokens: z.union([z.int().positive(), z.string()]).optional(),
});

export interface PromptFile {
  /** Columns that the prompt reads. */
  names: string[];
  /** Asks for a row and reads what comes back; answers that cannot be read are dropped. */
  ask(row: Row, context: BlockContext): Promise<Row[]>;
}

/** Throws `BAD_PIPELINE` and `BAD_TEMPLATE`. */
export async function readPromptFile(
  path: string,
  config: AskingConfig,
  directory: string,
  settings: BlockSettings,
): Promise<PromptFile> {
  const file = isAbsolute(path) ? path : join(directory, path);
  settings.noteFile(file);
  const prompt = await readYamlFile(file, promptSchema);
  const parts = [prompt.system, prompt.introduction, prompt.principles, prompt.examples, prompt.generation];
  const template = readTemplate(parts.map((text) => text ?? "").join("\n"), file);
  const { output_cols: columns, parser_kwargs: parser } = config;
  const reader: AnswerReader = parser
    ? patternReader(parser, columns, file)
    : tagReader({ start_tags: prompt.start_tags ?? [], end_tags: prompt.end_tags ?? [] }, columns, file);
  const form = promptForm(
    { family: settings.modelFamily ?? config.model_family ?? undefined, template: config.model_prompt ?? undefined },
    file,
  );
  const parameters = generationParameters(config.gen_kwargs ?? {}, settings);
  const samples = config.batch_kwargs?.num_samples ?? undefined;
  const { expected_rows: expectedRows = samples ?? (parser ? 4 : 1), expected_tokens } = prompt;
  const expectedTokens = (row: Row) =>
    typeof expected_tokens === "string"
      ? Math.ceil(cellText(row, expected_tokens).length / CHARACTERS_PER_TOKEN)
      : expected_tokens;
  const unreadable = (text: string, isCut: boolean) => {
    if (text.trim() === "") return "the answer is empty";
    return `${reader.objection(text)}${isCut ? ` within max_tokens ${parameters.maxTokens}` : ""}`;
  };
  /** Whether the last finding of an answer without an end is a torso: nothing marks where it would end. */
  const mayBeUnfinished = (text: string) =>
    parser
      ? !(parser.parser_cleanup_tags ?? []).some((tag) => text.trimEnd().endsWith(tag))
      : (prompt.end_tags ?? []).slice(0, columns.length).includes("");
  return {
    names: template.names.filter((name) => name !== "num_samples" || samples === undefined),
    async ask(given, context) {
      const row = samples === undefined || "num_samples" in given ? given : { ...given, num_samples: samples };
      const answer = await context.ask({
        prompt: form(template.render(row).trim()),
        ...parameters,
        seed: parameters.seed ?? context.seed,
        expectedTokens: expectedTokens(row),
      });
      if (answer.isImagined) {
        const made = answer.texts.flatMap((text) => imaginedRows(text, expectedRows, columns));
        return made.map((values) => ({ ...row, ...values }));
      }
      return answer.texts.flatMap((text, index): Row[] => {
        const found = reader.read(text);
        const isCut = index === 0 && answer.finishReason === "length";
        if (found.length === 0) context.drop({ ...row, completion: text }, unreadable(text, isCut));
        else if (isCut && mayBeUnfinished(text))
          context.drop({ ...row, ...found.pop() }, `the answer was cut off at max_tokens ${parameters.maxTokens}`);
        return found.map((values) => ({ ...row, ...values }));
      });
    },
  };
}

/** The answer's length is shared out among the cells, so that prompts made of them have their likely length too. */
function imaginedRows(answer: string, rows: number, columns: readonly string[]): Row[] {
  return Array.from({ length: rows }, (_, part) => {
    const cell = partOfImagined(answer, rows * columns.length, part);
    return Object.fromEntries(columns.map((column) => [column, cell]));
  });
}
