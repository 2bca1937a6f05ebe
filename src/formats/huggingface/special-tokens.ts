/** Which tokens begin and end a text, and the chat template: spread over up to five files of a Hugging Face directory. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type HuggingFaceConfig, readJsonObject } from "./config.ts";

export interface SpecialTokens {
  /** Token numbers by GGUF's names. */
  ids: { bos?: number; eos?: number; unknown?: number; padding?: number };
  addsBos: boolean;
  addsEos: boolean;
  chatTemplate?: string;
}

const token = z
  .union([z.string(), z.looseObject({ content: z.string() }).transform(({ content }) => content)])
  .nullish();
const fileSchema = z.looseObject({
  bos_token: token,
  eos_token: token,
  unk_token: token,
  pad_token: token,
  add_bos_token: z.boolean().nullish(),
  add_eos_token: z.boolean().nullish(),
  chat_template: z.union([z.string(), z.array(z.looseObject({ name: z.string(), template: z.string() }))]).nullish(),
});
const templateSchema = z.looseObject({
  type: z.literal("TemplateProcessing"),
  single: z.array(z.looseObject({ SpecialToken: z.looseObject({ id: z.string() }).optional() })),
});

export async function readSpecialTokens(
  directory: string,
  config: HuggingFaceConfig,
  json: {
    added_tokens: { id: number; content: string }[];
    model: { vocab: Record<string, number>; unk_token?: string | null };
    post_processor?: unknown;
  },
): Promise<SpecialTokens> {
  const read = async (name: string) =>
    fileSchema.safeParse((await readJsonObject(join(directory, name))) ?? {}).data ?? {};
  const own = await read("tokenizer_config.json");
  const map = await read("special_tokens_map.json");
  const numbers = new Map(json.added_tokens.map(({ content, id }) => [content, id]));
  const numberOf = (text: string | null | undefined) =>
    text == null ? undefined : (numbers.get(text) ?? json.model.vocab[text]);
  const first = (value: number | number[] | undefined) => (Array.isArray(value) ? value[0] : value);
  const ids = {
    bos: numberOf(own.bos_token ?? map.bos_token) ?? first(config.bos_token_id),
    eos: numberOf(own.eos_token ?? map.eos_token) ?? first(config.eos_token_id),
    unknown: numberOf(own.unk_token ?? map.unk_token ?? json.model.unk_token),
    padding: numberOf(own.pad_token ?? map.pad_token) ?? config.pad_token_id,
  };
  const template = findTemplate(json.post_processor);
  const placed = (index: number) => numberOf(template?.single.at(index)?.SpecialToken?.id);
  const jinja = await readFile(join(directory, "chat_template.jinja"), "utf8").catch(() => undefined);
  const named = own.chat_template;
  const chatTemplate =
    jinja ?? (Array.isArray(named) ? named.find(({ name }) => name === "default")?.template : (named ?? undefined));
  return {
    ids,
    addsBos: template === undefined ? (own.add_bos_token ?? false) : ids.bos !== undefined && placed(0) === ids.bos,
    addsEos: template === undefined ? (own.add_eos_token ?? false) : ids.eos !== undefined && placed(-1) === ids.eos,
    chatTemplate,
  };
}

/** The rule that puts special tokens around a text, inside a sequence of rules or alone. */
function findTemplate(processor: unknown): z.infer<typeof templateSchema> | undefined {
  const inner = (processor as { processors?: unknown } | null | undefined)?.processors;
  const list: unknown[] = Array.isArray(inner) ? inner : [processor];
  return list.map((each) => templateSchema.safeParse(each).data).find((found) => found !== undefined);
}
