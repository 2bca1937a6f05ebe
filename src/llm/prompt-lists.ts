/**
 * Several raw prompts in one request, for servers that take lists: requests made in the same turn of the event loop with the same parameters go
 * together. A server that refuses a list, or answers it otherwise than it should, gets single prompts from then on.
 */
import { IlabError } from "../util/errors.ts";
import { HttpStatusError } from "./http-json.ts";

/** A list is as slow as its slowest prompt, so it is kept short. */
const LONGEST_LIST = 8;

export interface ListAnswer {
  choices?: { index?: number; text?: string | null; finish_reason?: string | null }[];
  usage?: { prompt_tokens?: number; completion_tokens?: number } | null;
}

interface Waiting {
  prompt: string;
  resolve: (answer: ListAnswer) => void;
  reject: (error: unknown) => void;
}

export interface PromptLists {
  /** The answer to one prompt, as if it had been asked alone. `parameters` is the request's body without the prompt. */
  complete(prompt: string, parameters: object, signal?: AbortSignal): Promise<ListAnswer>;
}

export function createPromptLists(post: (body: object, signal?: AbortSignal) => Promise<ListAnswer>): PromptLists {
  const groups = new Map<string, Waiting[]>();
  let takesLists = true;

  async function send(parameters: object, waiting: Waiting[], signal?: AbortSignal): Promise<void> {
    if (waiting.length > 1 && takesLists) {
      try {
        const answer = await post({ ...parameters, prompt: waiting.map(({ prompt }) => prompt) }, signal);
        const parts = splitAnswer(answer, waiting.length);
        if (parts !== undefined) {
          for (const [index, { resolve }] of waiting.entries()) resolve(parts[index]!);
          return;
        }
        takesLists = false;
      } catch (error) {
        // One prompt may be to blame (too long), or the server knows no lists: single prompts tell.
        const isOfTheList = error instanceof HttpStatusError && !["ENDPOINT_UNAUTHORIZED"].includes(error.code);
        if (!isOfTheList) {
          for (const { reject } of waiting) reject(error);
          return;
        }
        if (!(error instanceof IlabError && error.code === "CONTEXT_EXCEEDED")) takesLists = false;
      }
    }
    for (const { prompt, resolve, reject } of waiting) post({ ...parameters, prompt }, signal).then(resolve, reject);
  }

  return {
    complete: (prompt, parameters, signal) =>
      new Promise((resolve, reject) => {
        const key = JSON.stringify(parameters);
        const group = groups.get(key);
        const waiting: Waiting = { prompt, resolve, reject };
        if (group !== undefined && group.length < LONGEST_LIST) {
          group.push(waiting);
          return;
        }
        const made = [waiting];
        groups.set(key, made);
        setImmediate(() => {
          if (groups.get(key) === made) groups.delete(key);
          void send(parameters, made, signal);
        });
      }),
  };
}

/** Choices by prompt: the server numbers them through, `n` for each prompt. Undefined when they do not come out even. */
function splitAnswer({ choices = [], usage }: ListAnswer, prompts: number): ListAnswer[] | undefined {
  const each = choices.length / prompts;
  if (each === 0 || !Number.isInteger(each)) return undefined;
  const ordered = [...choices].sort((a, b) => (a.index ?? 0) - (b.index ?? 0));
  if (ordered.some(({ index }, place) => index !== place)) return undefined;
  return Array.from({ length: prompts }, (_, prompt) => ({
    choices: ordered.slice(prompt * each, (prompt + 1) * each),
    // The server counts the whole list only.
    usage: usage && {
      prompt_tokens: Math.round((usage.prompt_tokens ?? 0) / prompts),
      completion_tokens: Math.round((usage.completion_tokens ?? 0) / prompts),
    },
  }));
}
