/**
 * Runs many requests on one llama.cpp context in step: every step hands the next tokens of all active sequences to llama.cpp together,
 * so that they share one pass over the weights. (Left to themselves, the sequences of node-llama-cpp fall out of step and mostly run
 * alone.) A sequence keeps what it evaluated; a new request takes the free sequence that shares the longest beginning with it.
 */
import type { ControlledEvaluateInputItem, LlamaContextSequence, Token } from "node-llama-cpp";
import { CancelledError } from "../util/errors.ts";

export interface SamplingOptions {
  /** 0 = greedy. */
  temperature: number;
  topP?: number;
  seed: number;
}

export interface DecodeLoop {
  /** Makes tokens after `tokens` until `onToken` returns true, which it must do before the context is full. */
  generate(
    tokens: readonly Token[],
    sampling: SamplingOptions,
    onToken: (token: Token) => boolean,
    signal?: AbortSignal,
  ): Promise<void>;
  /** Natural-log probability of each of `tokens[start..]` given those before it; `start` at least 1. */
  score(tokens: readonly Token[], start: number, signal?: AbortSignal): Promise<number[]>;
}

interface Job {
  /** All tokens: evaluated and still to be evaluated. */
  tokens: Token[];
  /** Index from which outputs are needed; tokens before it may come from the sequence's memory. */
  needed: number;
  signal: AbortSignal | undefined;
  /** Evaluates what is outstanding; true when the job is finished. */
  step(sequence: LlamaContextSequence): Promise<boolean>;
  resolve(): void;
  reject(error: unknown): void;
}

export function createDecodeLoop(sequences: readonly LlamaContextSequence[]): DecodeLoop {
  const free = [...sequences];
  const waiting: Job[] = [];
  const active = new Map<Job, LlamaContextSequence>();
  let isRunning = false;

  const submit = (job: Omit<Job, "resolve" | "reject">): Promise<void> =>
    new Promise((resolve, reject) => {
      waiting.push({ ...job, resolve, reject });
      if (!isRunning) void run();
    });

  /** Never rejects: a failing job is told, the others go on. */
  const run = async (): Promise<void> => {
    isRunning = true;
    // Requests made in the same turn of the event loop start together.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.length > 0 || active.size > 0) {
      while (waiting.length > 0 && free.length > 0) {
        const job = waiting.shift()!;
        active.set(job, takeSequence(free, job.tokens));
      }
      await Promise.all(
        [...active].map(async ([job, sequence]) => {
          try {
            if (job.signal?.aborted) throw new CancelledError();
            if (!(await job.step(sequence))) return;
            job.resolve();
          } catch (error) {
            job.reject(error);
          }
          active.delete(job);
          free.push(sequence);
        }),
      );
    }
    isRunning = false;
  };

  return {
    generate: (tokens, sampling, onToken, signal) => {
      const all = [...tokens];
      let steps = 0;
      return submit({
        tokens: all,
        needed: all.length - 1,
        signal,
        async step(sequence) {
          const from = steps === 0 ? await rewind(sequence, all, all.length - 1) : all.length - 1;
          const last: ControlledEvaluateInputItem = [
            all.at(-1)!,
            {
              generateNext: {
                token: true,
                options: {
                  temperature: sampling.temperature,
                  topP: sampling.topP,
                  // Every step makes a new sampler, so every step needs its own seed.
                  seed: (Math.imul(sampling.seed, 0x9e3779b1) + Math.imul(steps, 0x85ebca6b)) >>> 0,
                },
              },
            },
          ];
          const output = await sequence.controlledEvaluate([...all.slice(from, -1), last]);
          const token = output.at(-1)?.next.token;
          if (token === null || token === undefined) return true;
          steps += 1;
          all.push(token);
          return onToken(token);
        },
      });
    },
    score: async (tokens, start, signal) => {
      const all = [...tokens];
      let logProbabilities: number[] = [];
      await submit({
        tokens: all,
        needed: start - 1,
        signal,
        async step(sequence) {
          logProbabilities = await scoreTokens(sequence, all, start);
          return true;
        },
      });
      return logProbabilities;
    },
  };
}

/** Removes the free sequence whose memory shares the most with `tokens`. */
function takeSequence(free: LlamaContextSequence[], tokens: Token[]): LlamaContextSequence {
  let best = 0;
  let bestShared = -1;
  for (const [index, sequence] of free.entries()) {
    const shared = sequence.compareContextTokens(tokens).firstDifferentIndex;
    // Of equally fitting sequences the emptiest: what others remember may serve another request.
    if (shared > bestShared || (shared === bestShared && sequence.nextTokenIndex < free[best]!.nextTokenIndex)) {
      best = index;
      bestShared = shared;
    }
  }
  return free.splice(best, 1)[0]!;
}

/** Drops what the sequence holds beyond the common beginning (at most `limit` tokens); returns where evaluation must begin. */
async function rewind(sequence: LlamaContextSequence, tokens: Token[], limit: number): Promise<number> {
  const keep = Math.min(sequence.compareContextTokens(tokens).firstDifferentIndex, limit);
  if (keep < sequence.nextTokenIndex)
    await sequence.eraseContextTokenRanges([{ start: keep, end: sequence.nextTokenIndex }]);
  return sequence.nextTokenIndex;
}

async function scoreTokens(sequence: LlamaContextSequence, tokens: Token[], start: number): Promise<number[]> {
  const from = await rewind(sequence, tokens, start - 1);
  // The last token is not evaluated: nothing is asked of what comes after it.
  const input = tokens.slice(from, -1).map((token, offset): ControlledEvaluateInputItem => {
    const next = tokens[from + offset + 1]!;
    if (from + offset + 1 < start) return token;
    return [
      token,
      {
        generateNext: {
          // Greedy, so the selected token is the likeliest: it and the total weight give the softmax without sorting the vocabulary.
          logits: { filter: { tokens: [next], includeSelected: true } },
          totalLogitWeight: true,
          options: { temperature: 0 },
        },
      },
    ];
  });
  const outputs = await sequence.controlledEvaluate(input);
  const logProbabilities: number[] = [];
  for (let index = start; index < tokens.length; index++) {
    const output = outputs[index - 1 - from]?.next;
    const logit = output?.logits?.get(tokens[index]!);
    if (output?.logits === undefined || logit === undefined || output.totalLogitWeight === undefined)
      throw new Error(`llama.cpp returned no logits for token ${index}`);
    const highest = Math.max(...output.logits.values());
    logProbabilities.push(Math.min(0, logit - highest - Math.log(output.totalLogitWeight)));
  }
  return logProbabilities;
}
