/** Upstream's LLMMessagesBlock: the messages of a column go to the teacher; the answer is a text, or a list of texts where several are asked for. */
import { z } from "zod";
import type { JsonValue } from "../../artifacts.ts";
import type { ChatMessage } from "../../llm/language-model.ts";
import { defineBlock, withColumns } from "../block.ts";
import { generationParameters, generationSchema } from "./generation-settings.ts";

const configSchema = z.strictObject({
  input_col: z.string(),
  output_col: z.string(),
  model_id: z.string().nullish(),
  client: z.string().nullish(),
  gen_kwargs: generationSchema.nullish(),
});

/** Several greedy answers would all be the same. */
const TEMPERATURE_FOR_SEVERAL = 0.7;

export const llmMessagesBlock = defineBlock<z.infer<typeof configSchema>>({
  type: "LLMMessagesBlock",
  asks: true,
  summary: "sends the messages of a column to the teacher and puts its answer into another",
  configSchema,
  async create({ input_col, output_col, gen_kwargs }, _directory, settings) {
    const parameters = generationParameters(gen_kwargs ?? {}, settings);
    const wanted = parameters.n ?? 1;
    if (wanted > 1 && parameters.temperature === 0) parameters.temperature = TEMPERATURE_FOR_SEVERAL;
    return {
      inputColumns: [input_col],
      outputColumns: (columns) => withColumns(columns, output_col),
      async runRow(row, context) {
        const messages = messagesOf(row[input_col]);
        if (messages === undefined) {
          context.drop(row, `${input_col} holds no messages (a list of role and content)`);
          return [];
        }
        const { text, texts } = await context.ask({
          prompt: { messages },
          ...parameters,
          seed: parameters.seed ?? context.seed,
        });
        return [{ ...row, [output_col]: wanted > 1 ? texts.map((one) => one.trim()) : text.trim() }];
      },
    };
  },
});

function messagesOf(value: JsonValue | undefined): ChatMessage[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const messages = value.map((message) => {
    const { role, content } = (message ?? {}) as { role?: unknown; content?: unknown };
    return typeof role === "string" && typeof content === "string" ? ({ role, content } as ChatMessage) : undefined;
  });
  return messages.every((message) => message !== undefined) ? messages : undefined;
}
