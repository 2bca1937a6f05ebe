/** Log-likelihoods from servers that echo the prompt with its log-probabilities (vLLM, OpenAI's older completion models). */
import { IlabError } from "../util/errors.ts";
import type { ScoreRequest, ScoreResult } from "./language-model.ts";

interface EchoAnswer {
  choices?: {
    text?: string;
    logprobs?: { tokens?: string[]; token_logprobs?: (number | null)[]; text_offset?: number[] } | null;
  }[];
}

/** Throws `SCORE_UNSUPPORTED` for conversations (the server's template is unknown here) and for servers that do not echo. */
export async function scoreByEcho(
  { prompt, continuation }: ScoreRequest,
  post: (body: object) => Promise<unknown>,
): Promise<ScoreResult> {
  if (!("text" in prompt)) throw unsupported("a conversation cannot be scored through an endpoint");
  if (continuation === "") return { logProbabilities: [] };
  const whole = prompt.text + continuation;
  const answer = (await post({ prompt: whole, max_tokens: 1, temperature: 0, echo: true, logprobs: 1 }).catch(
    (cause: { status?: number }) => {
      if (cause.status === 400 || cause.status === 422)
        throw unsupported("the server refused to echo the prompt with log-probabilities", cause);
      throw cause;
    },
  )) as EchoAnswer;
  const choice = answer.choices?.[0];
  const offsets = choice?.logprobs?.text_offset;
  const values = choice?.logprobs?.token_logprobs;
  if (!choice?.text?.startsWith(whole) || !offsets || !values || offsets.length !== values.length)
    throw unsupported("the server does not echo the prompt with log-probabilities");
  // Offsets count code points, as Python does. A token belongs to the continuation when it ends inside it.
  const promptEnd = [...prompt.text].length;
  const end = [...whole].length;
  const logProbabilities: number[] = [];
  for (const [index, offset] of offsets.entries()) {
    const value = values[index];
    const isContinuation = offset < end && (offsets[index + 1] ?? end) > promptEnd;
    // The very first token has no probability: nothing stands before it.
    if (isContinuation && typeof value === "number") logProbabilities.push(value);
  }
  return { logProbabilities };
}

function unsupported(message: string, cause?: unknown): IlabError {
  return new IlabError({
    code: "SCORE_UNSUPPORTED",
    message,
    hint: "Multiple choice by log-likelihood needs a local GGUF model, or a server such as vLLM.",
    cause,
  });
}
