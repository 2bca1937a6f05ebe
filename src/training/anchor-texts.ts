/**
 * Short texts that the base model writes itself, sampled once and kept: the student is held to the base's distribution on them. Own
 * samples rather than any corpus, because they are by construction what the base considers likely, for any model and language.
 */
import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";
import type { LanguageModel, Prompt } from "../llm/language-model.ts";
import { throwIfAborted } from "../util/errors.ts";
import type { WorkEvent } from "../util/events.ts";
import { writeFileAtomic } from "../util/fs.ts";

/** Ways to begin an ordinary text; sampling continues them. */
const OPENERS = [
  "The",
  "In the",
  "A",
  "When",
  "It was",
  "She",
  "He said",
  "Many people",
  "One of the most",
  "There are",
  "To make",
  "If you",
  "Although",
  "This",
  "On the morning of",
  "After",
  "We",
  "They",
  "Most",
  "As the",
  "For example,",
  "Some",
  "At first,",
  "My",
];

/** Everyday questions; the base's own answers show how it behaves in a conversation. */
const QUESTIONS = [
  "What is the capital of France?",
  "How do plants make their food?",
  "Write a short note to thank a friend for a gift.",
  "Why is the sky blue?",
  "Give me three tips for sleeping better.",
  "What does a carpenter do?",
  "How many days are in a leap year?",
  "Explain what a volcano is.",
];

export interface AnchorTextOptions {
  /** Texts in all, and tokens per text. */
  count: number;
  tokensPerText: number;
  seed: number;
  /** false: the base answers no questions, it only continues texts. */
  hasChatTemplate: boolean;
  signal?: AbortSignal;
}

export interface AnchorText {
  /** What the base was given: an opener or a question. */
  prompt: string;
  kind: "text" | "conversation";
  /** What it wrote. */
  text: string;
}

const cacheSchema = z.object({
  options: z.object({ count: z.number(), tokensPerText: z.number(), seed: z.number() }),
  texts: z.array(z.object({ prompt: z.string(), kind: z.enum(["text", "conversation"]), text: z.string() })),
});

/**
 * @param files where the texts may lie already, tried in order; new ones are written to the first.
 * @param openBaseModel called only when no file has them.
 */
export async function* collectAnchorTexts(
  files: readonly [string, ...string[]],
  openBaseModel: () => Promise<LanguageModel>,
  options: AnchorTextOptions,
): AsyncGenerator<WorkEvent, AnchorText[], void> {
  const { count, tokensPerText, seed } = options;
  const wanted = JSON.stringify({ count, tokensPerText, seed });
  for (const file of files) {
    const found = readTexts(file);
    if (found !== undefined && JSON.stringify(found.options) === wanted) return found.texts;
  }

  const step = "anchor texts";
  const started = performance.now();
  yield { type: "step-start", stage: "training", step, total: count, unit: "texts" };
  await using model = await openBaseModel();
  const requests = Array.from({ length: count }, (_, i): Omit<AnchorText, "text"> & { request: Prompt } => {
    // Every fourth text is an answer in a conversation.
    if (i % 4 === 3 && options.hasChatTemplate) {
      const prompt = QUESTIONS[(i >> 2) % QUESTIONS.length]!;
      return { prompt, kind: "conversation", request: { messages: [{ role: "user", content: prompt }] } };
    }
    const prompt = OPENERS[i % OPENERS.length]!;
    return { prompt, kind: "text", request: { text: prompt } };
  });
  const texts: AnchorText[] = [];
  for (let from = 0; from < count; from += model.concurrency) {
    throwIfAborted(options.signal);
    const group = requests.slice(from, from + model.concurrency);
    const results = await Promise.all(
      group.map(({ request }, i) =>
        model.generate({
          prompt: request,
          maxTokens: tokensPerText,
          temperature: 1,
          topP: 1,
          seed: seed + from + i,
          signal: options.signal,
        }),
      ),
    );
    for (const [i, { text }] of results.entries()) texts.push({ prompt: group[i]!.prompt, kind: group[i]!.kind, text });
    yield { type: "step-progress", stage: "training", step, done: texts.length, total: count, unit: "texts" };
  }
  await writeFileAtomic(files[0], JSON.stringify({ options: { count, tokensPerText, seed }, texts }, null, 1));
  yield { type: "step-end", stage: "training", step, seconds: (performance.now() - started) / 1000 };
  return texts;
}

function readTexts(path: string): z.infer<typeof cacheSchema> | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return cacheSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return undefined;
  }
}
