/**
 * Training data from a file of JSON lines or Parquet to token sequences, with an account of what was left out and why. Rows are upstream's: a
 * conversation (`messages`), a text (`document`), or a pair of the older train files (`user`, `assistant`).
 */
import { z } from "zod";
import { messagesSampleSchema } from "../artifacts.ts";
import type { TemplateMessage } from "../formats/chat-template.ts";
import { readNumberedRows } from "../formats/data-file.ts";
import type { CountedTokens, Tokenizer } from "../llm/tokenizer.ts";
import { IlabError, throwIfAborted } from "../util/errors.ts";
import { cutDocument } from "./cut-document.ts";
import { describeLeftOut } from "./describe-left-out.ts";
import { readPretrainingTurns } from "./pretraining-turns.ts";

export interface EncodedSamples {
  samples: CountedTokens[];
  /** Rows of the file. */
  rows: number;
  /** Sequences that were left out: longer than the limit, without anything that counts. */
  tooLong: number;
  nothingCounted: number;
  /** Rows without words. */
  empty: number;
  /** Documents longer than the limit, which became several sequences. */
  documentsCut: number;
  /** Tokens of the longest sequence that was too long; 0 when none was. */
  longestTokens: number;
  /** How many messages the model's chat template leaves out, by role, and thoughts, as `reasoning`. */
  leftOutByTemplate: Record<string, number>;
}

export interface ReadSamplesOptions {
  signal?: AbortSignal;
}

/** So many bad rows are told at once; more would only fill the screen. */
const MAX_BAD_ROWS = 10;

/**
 * @throws IlabError `BAD_JSON_LINE`, `NOT_UTF8`, `BAD_SAMPLE`, `CHAT_TEMPLATE_…` (with file and line), `NOTHING_TO_TRAIN`.
 */
export async function readSamples(
  dataFile: string,
  tokenizer: Tokenizer,
  maxSequenceTokens: number,
  options: ReadSamplesOptions = {},
): Promise<EncodedSamples> {
  const result: EncodedSamples = {
    samples: [],
    rows: 0,
    tooLong: 0,
    nothingCounted: 0,
    empty: 0,
    documentsCut: 0,
    longestTokens: 0,
    leftOutByTemplate: {},
  };
  const bad: { line: number; error: IlabError }[] = [];
  for await (const { line, value } of readNumberedRows(dataFile)) {
    throwIfAborted(options.signal);
    result.rows += 1;
    try {
      for (const sample of encodeRow(readRow(value), tokenizer, maxSequenceTokens, result)) keep(sample, result);
    } catch (error) {
      // Without a template no row can be read: the file is not to blame.
      if (!(error instanceof IlabError) || error.code === "CHAT_TEMPLATE_MISSING") throw error;
      bad.push({ line, error });
      // A template that does not work would say the same of every row, and take its time.
      if (bad.length === MAX_BAD_ROWS || ["CHAT_TEMPLATE_INVALID", "CHAT_TEMPLATE_LIMIT"].includes(error.code)) break;
    }
  }
  if (bad.length > 0) throw badRows(dataFile, bad);
  if (result.samples.length === 0) throw nothingToTrain(dataFile, result, maxSequenceTokens);
  return result;

  function keep(sample: CountedTokens, account: EncodedSamples): void {
    if (sample.tokens.length > maxSequenceTokens) {
      account.tooLong += 1;
      account.longestTokens = Math.max(account.longestTokens, sample.tokens.length);
    } else if (!sample.counted.includes(1)) account.nothingCounted += 1;
    else account.samples.push(sample);
  }
}

type TrainingRow = { documents: string[] } | { messages: TemplateMessage[]; countsEveryRole: boolean };

const conversationSchema = z.object({
  messages: messagesSampleSchema.shape.messages,
  unmask: z.boolean().nullish(),
});
const documentSchema = z.object({ document: z.string() });
const pairSchema = z.object({ system: z.string().nullish(), user: z.string(), assistant: z.string() });

function readRow(value: unknown): TrainingRow {
  // In Parquet, rows of different kinds share their columns, and the others' are null.
  const has = (key: string) => ((value as Record<string, unknown> | null)?.[key] ?? undefined) !== undefined;
  if (has("messages")) {
    const { messages, unmask } = check(conversationSchema, value);
    return readConversation(
      messages.map(({ role, content, reasoning_content, thinking }) => ({
        role,
        content,
        reasoning: reasoning_content ?? thinking ?? undefined,
      })),
      unmask ?? false,
    );
  }
  if (has("document")) return readTexts([check(documentSchema, value).document]);
  if (has("user") && has("assistant")) {
    const { system, user, assistant } = check(pairSchema, value);
    const messages = [
      { role: "system", content: system ?? "" },
      { role: "user", content: user },
      { role: "assistant", content: assistant },
    ];
    return readConversation(system ? messages : messages.slice(1), false);
  }
  throw badSample("the row is none of the known kinds");
}

function readConversation(messages: TemplateMessage[], unmask: boolean): TrainingRow {
  for (const { content, reasoning = "" } of messages) requireWellFormed(content + reasoning);
  if (!messages.some(({ role }) => role === "pretraining")) return { messages, countsEveryRole: unmask };
  const texts = messages.filter(({ role }) => role !== "system");
  const turns = texts.map(({ role, content }) => (role === "pretraining" ? readPretrainingTurns(content) : undefined));
  if (texts.every(({ role }, i) => role === "pretraining" && turns[i] === undefined))
    return readTexts(texts.map(({ content }) => content));
  return {
    messages: messages.flatMap((message): TemplateMessage[] => {
      if (message.role !== "pretraining") return [message];
      const found = turns[texts.indexOf(message)];
      if (found === undefined) throw badSample("a text with the role pretraining stands inside a conversation");
      return found;
    }),
    countsEveryRole: true,
  };
}

function readTexts(documents: string[]): TrainingRow {
  for (const text of documents) requireWellFormed(text);
  return { documents };
}

function encodeRow(
  row: TrainingRow,
  tokenizer: Tokenizer,
  maxSequenceTokens: number,
  account: EncodedSamples,
): CountedTokens[] {
  if ("documents" in row) {
    const texts = row.documents.filter((text) => text.trim() !== "");
    account.empty += row.documents.length - texts.length;
    return texts.flatMap((text) => {
      const blocks = cutDocument(tokenizer.encodeDocument(text), maxSequenceTokens);
      if (blocks.length > 1) account.documentsCut += 1;
      return blocks;
    });
  }
  const { messages, countsEveryRole } = row;
  const learned = messages.filter(({ role }) => role === "assistant" || (countsEveryRole && role !== "system"));
  if (learned.length === 0) {
    account.nothingCounted += 1;
    return [];
  }
  if (learned.every(({ content, reasoning = "" }) => (content + reasoning).trim() === "")) {
    account.empty += 1;
    return [];
  }
  return tokenizer.encodeConversation(messages, {
    countEveryRole: countsEveryRole,
    onLeftOut: ({ role }, part) => {
      const what = part === "reasoning" ? part : role;
      account.leftOutByTemplate[what] = (account.leftOutByTemplate[what] ?? 0) + 1;
    },
  });
}

function check<Output>(schema: z.ZodType<Output>, value: unknown): Output {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw badSample(`${issue.path.join(".") || "the row"}: ${issue.message}`);
}

/** Half a character has no bytes: the tokenizer would replace it, and the student would learn the replacement. */
function requireWellFormed(text: string): void {
  const at = text.search(/\p{Surrogate}/u);
  if (at < 0) return;
  const code = text.charCodeAt(at).toString(16);
  throw badSample(`the text holds half a character (\\u${code} without its other half)`);
}

function badSample(message: string): IlabError {
  return new IlabError({
    code: "BAD_SAMPLE",
    message,
    hint:
      'Every line must look like {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}, ' +
      '{"document": "…"} or {"user": "…", "assistant": "…"}.',
  });
}

function badRows(dataFile: string, bad: { line: number; error: IlabError }[]): IlabError {
  const [{ error: first }] = bad as [(typeof bad)[number]];
  const lines = bad.map(({ line, error }) => `${dataFile}:${line}: ${error.message}`);
  if (bad.length === MAX_BAD_ROWS) lines.push(`reading stopped after ${MAX_BAD_ROWS} bad rows`);
  return new IlabError({
    code: first.code,
    message: lines.join("\n"),
    hint: first.hint,
    details: bad.map(({ line, error }) => ({ file: dataFile, line, code: error.code, message: error.message })),
    cause: first,
  });
}

function nothingToTrain(dataFile: string, account: EncodedSamples, maxSequenceTokens: number): IlabError {
  const { rows, tooLong, longestTokens } = account;
  return new IlabError({
    code: "NOTHING_TO_TRAIN",
    message: [
      rows === 0
        ? `${dataFile} is empty`
        : `${dataFile} holds nothing to train on in its ${rows === 1 ? "one row" : `${rows} rows`}`,
      ...describeLeftOut(account, maxSequenceTokens),
    ].join("; "),
    hint:
      tooLong > 0
        ? `Raise the limit: --max-seq-len ${longestTokens} takes the longest.`
        : "Generate data with `ilab data generate`, or name another file with --data-path.",
  });
}
