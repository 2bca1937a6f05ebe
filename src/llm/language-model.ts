/**
 * The seam between the program and any language model: a local GGUF, an OpenAI-compatible endpoint, or a script in tests.
 * Everything that asks a model (generation, judging, evaluation, chat) depends on this file only.
 */

export interface ChatMessage {
  role: "system" | "user" | "assistant";
  content: string;
}

/** A raw text to complete, or a conversation to answer through the model's chat template. */
export type Prompt = { text: string } | { messages: ChatMessage[] };

export interface GenerateRequest {
  prompt: Prompt;
  /** Upper bound of generated tokens. */
  maxTokens: number;
  /** 0 = greedy, always the most likely token. */
  temperature?: number;
  topP?: number;
  /** Generation ends before the first of these strings, which is not part of the text. */
  stop?: string[];
  seed?: number;
  /** Answers wanted, 1 by default. A model may give fewer; whoever wants more asks again with another seed. */
  n?: number;
  /** Further fields for a server's request body (`guided_choice`, `top_k`); local models know none. */
  extra?: Record<string, unknown>;
  signal?: AbortSignal;
}

export interface GenerateResult {
  text: string;
  /** All answers where several were asked for; `text` is the first. */
  texts?: string[];
  /** `stop`: the model ended or a stop string came; `length`: maxTokens ran out. */
  finishReason: "stop" | "length";
  promptTokens: number;
  completionTokens: number;
}

export interface ScoreRequest {
  prompt: Prompt;
  /** The text whose likelihood, given the prompt, is wanted. */
  continuation: string;
}

export interface ScoreResult {
  /** Natural-log probability of each token of the continuation. */
  logProbabilities: number[];
}

export interface LanguageModel extends AsyncDisposable {
  /** Model name or file, for logs and manifests. */
  readonly id: string;
  /** Differs between models that answer differently, wherever they are: finished calls and embeddings are kept under it. */
  readonly identity: string;
  /** How many requests may usefully be in flight at once. */
  readonly concurrency: number;
  generate(request: GenerateRequest): Promise<GenerateResult>;
  /** As `generate`, in pieces as they are made. */
  stream(request: GenerateRequest): AsyncIterable<string>;
  /** Log-likelihoods of given continuations. Endpoints that cannot do this throw `SCORE_UNSUPPORTED`. */
  score(requests: ScoreRequest[], signal?: AbortSignal): Promise<ScoreResult[]>;
  embed(texts: string[]): Promise<Float32Array[]>;
}
