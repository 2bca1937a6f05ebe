/** Training data from a messages file to token sequences, with an account of what was left out and why. */
import { messagesSampleSchema } from "../artifacts.ts";
import type { ChatMessage } from "../llm/language-model.ts";
import type { CountedTokens, Tokenizer } from "../llm/tokenizer.ts";
import { IlabError } from "../util/errors.ts";
import { readJsonLines } from "../util/fs.ts";

export interface EncodedSamples {
  samples: CountedTokens[];
  /** Rows of the file, sequences longer than the limit, sequences in which nothing is to be learned. */
  rows: number;
  tooLong: number;
  nothingCounted: number;
}

/** @throws IlabError `BAD_JSON_LINE`, `BAD_SAMPLE` (with file and line), `NOTHING_TO_TRAIN`. */
export async function readSamples(
  dataFile: string,
  tokenizer: Tokenizer,
  maxSequenceTokens: number,
): Promise<EncodedSamples> {
  const result: EncodedSamples = { samples: [], rows: 0, tooLong: 0, nothingCounted: 0 };
  for await (const row of readJsonLines(dataFile)) {
    result.rows += 1;
    const parsed = messagesSampleSchema.safeParse(row);
    if (!parsed.success) {
      const issue = parsed.error.issues[0]!;
      throw new IlabError({
        code: "BAD_SAMPLE",
        message: `${dataFile}:${result.rows}: ${issue.path.join(".") || "the row"}: ${issue.message}`,
        hint: 'Every line must look like {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}.',
      });
    }
    for (const sample of encode(parsed.data.messages, parsed.data.unmask ?? false, tokenizer)) {
      if (sample.tokens.length > maxSequenceTokens) result.tooLong += 1;
      else if (!sample.counted.some((flag, i) => flag === 1 && i > 0)) result.nothingCounted += 1;
      else result.samples.push(sample);
    }
  }
  if (result.samples.length === 0)
    throw new IlabError({
      code: "NOTHING_TO_TRAIN",
      message:
        `${dataFile} holds nothing to train on: ${result.rows} rows, ${result.tooLong} samples longer than ${maxSequenceTokens} tokens, ` +
        `${result.nothingCounted} without an answer of the assistant`,
      hint:
        result.tooLong > 0 ? "Raise the limit with --max-seq-len." : "Generate data first with `ilab data generate`.",
    });
  return result;
}

function encode(messages: { role: string; content: string }[], unmask: boolean, tokenizer: Tokenizer): CountedTokens[] {
  if (messages.every((message) => message.role === "pretraining"))
    return messages
      .filter((message) => message.content !== "")
      .map((message) => tokenizer.encodeDocument(message.content));
  const conversation = messages.filter((message) => message.role !== "pretraining") as ChatMessage[];
  const sequences = tokenizer.encodeConversation(conversation);
  // Upstream's `unmask`: what the user says (the document) is learned too, but not the template's own marks before the first turn.
  return unmask ? sequences.map((sequence) => tokenizer.countUserTurns(conversation, sequence)) : sequences;
}
