/** A real HTTP server that speaks the OpenAI API for tests: answers by script, records requests, and can be made to misbehave. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";

export interface FakeRequest {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  // biome-ignore lint/suspicious/noExplicitAny: the body is whatever the client under test sent
  body: any;
}

export interface FakeOpenAiServerOptions {
  models?: string[];
  /** The answer to a prompt (raw text, or the last message's content). Cut to `max_tokens` words. */
  answer?: (prompt: string, request: FakeRequest) => string;
  apiKey?: string;
  /** Echoes prompts with log-probabilities: one token per word, probability by this function. */
  wordLogProbability?: (word: string) => number;
  embedding?: (text: string) => number[];
  /** Called first for every request; true or the response means that it has answered (or dropped the connection) itself. */
  intercept?: (request: FakeRequest, response: ServerResponse) => boolean | ServerResponse;
  delayMs?: number;
  /** Gives one answer whatever `n` says, as llama-server and Ollama do. */
  ignoresN?: boolean;
  /** PEM texts; the server then speaks https. */
  tls?: { key: string; cert: string; ca?: string; requestCert?: boolean };
}

export interface FakeOpenAiServer extends AsyncDisposable {
  /** Without `/v1`. */
  url: string;
  requests: FakeRequest[];
  /** The most requests that were in flight at once. */
  readonly peak: number;
}

export async function startFakeOpenAiServer(options: FakeOpenAiServerOptions = {}): Promise<FakeOpenAiServer> {
  const requests: FakeRequest[] = [];
  let inFlight = 0;
  let peak = 0;
  const handle = async (incoming: IncomingMessage, response: ServerResponse) => {
    inFlight += 1;
    peak = Math.max(peak, inFlight);
    response.on("close", () => {
      inFlight -= 1;
    });
    let text = "";
    for await (const chunk of incoming) text += chunk;
    const request: FakeRequest = {
      method: incoming.method ?? "",
      path: incoming.url ?? "",
      headers: incoming.headers,
      body: text === "" ? undefined : JSON.parse(text),
    };
    requests.push(request);
    if (options.delayMs) await new Promise((resolve) => setTimeout(resolve, options.delayMs));
    if (options.intercept?.(request, response)) return;
    answer(request, response, options);
  };
  const { tls } = options;
  const server =
    tls === undefined
      ? createServer(handle)
      : createTlsServer({ ...tls, rejectUnauthorized: tls.requestCert === true }, handle);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    get peak() {
      return peak;
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): ServerResponse {
  return response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

function answer(request: FakeRequest, response: ServerResponse, options: FakeOpenAiServerOptions): unknown {
  const models = options.models ?? ["fake"];
  const { body } = request;
  if (options.apiKey !== undefined && request.headers.authorization !== `Bearer ${options.apiKey}`)
    return sendJson(response, 401, { error: { message: "wrong key" } });
  if (request.path === "/v1/models") return sendJson(response, 200, { data: models.map((id) => ({ id })) });
  if (body !== undefined && !models.includes(body.model))
    return sendJson(response, 404, { error: { message: `The model \`${body.model}\` does not exist.` } });
  if (request.path === "/v1/embeddings" && options.embedding) {
    const { embedding } = options;
    const data = body.input.map((text: string, index: number) => ({ index, embedding: embedding(text) }));
    return sendJson(response, 200, { data: data.reverse() });
  }
  const isChat = request.path === "/v1/chat/completions";
  if (!isChat && request.path !== "/v1/completions") return sendJson(response, 404, { detail: "Not Found" });
  if (body.echo && options.wordLogProbability) return sendJson(response, 200, echo(body, options.wordLogProbability));

  if (!body.stream) {
    const prompts: string[] = isChat ? [body.messages.at(-1).content] : [body.prompt].flat();
    const made = prompts.flatMap((prompt) =>
      Array.from({ length: options.ignoresN ? 1 : (body.n ?? 1) }, () => complete(prompt, request, options)),
    );
    const choices = made.map(({ text, reason }, index) => ({
      index,
      ...(isChat ? { message: { content: text } } : { text }),
      finish_reason: reason,
    }));
    return sendJson(response, 200, {
      choices,
      usage: {
        prompt_tokens: prompts.reduce((sum, prompt) => sum + prompt.split(/\s+/).length, 0),
        completion_tokens: made.reduce((sum, { tokens }) => sum + tokens, 0),
      },
    });
  }
  const prompt: string = isChat ? body.messages.at(-1).content : body.prompt;
  const { text, reason } = complete(prompt, request, options);
  const choice = (piece: string, key: "message" | "delta", finish: string | null) =>
    isChat ? { [key]: { content: piece }, finish_reason: finish } : { text: piece, finish_reason: finish };
  response.writeHead(200, { "content-type": "text/event-stream" });
  const pieces = text.match(/\s*\S+|\s+$/g) ?? [];
  const next = () => {
    const piece = pieces.shift();
    if (response.destroyed) return;
    if (piece === undefined) {
      response.write(`data: ${JSON.stringify({ choices: [choice("", "delta", reason)] })}\n\n`);
      response.end("data: [DONE]\n\n");
    } else {
      response.write(`: keep-alive\n\ndata: ${JSON.stringify({ choices: [choice(piece, "delta", null)] })}\n\n`);
      setTimeout(next, 1);
    }
  };
  next();
  return response;
}

function complete(prompt: string, request: FakeRequest, options: FakeOpenAiServerOptions) {
  const { body } = request;
  const full =
    options.answer?.(prompt, request) ?? "one two three four five six seven eight nine ten eleven twelve thirteen";
  const words = full.match(/\s*\S+|\s+$/g) ?? [];
  const kept = words.slice(0, body.max_tokens);
  let reason = kept.length < words.length ? "length" : "stop";
  let text = kept.join("");
  for (const stop of body.stop ?? [])
    if (text.includes(stop)) {
      text = text.slice(0, text.indexOf(stop));
      reason = "stop";
    }
  return { text, reason, tokens: kept.length };
}

function echo(body: { prompt: string }, wordLogProbability: (word: string) => number): object {
  const tokens = `${body.prompt} end`.match(/\s*\S+/g) ?? [];
  let offset = 0;
  const offsets = tokens.map((token) => {
    const at = offset;
    offset += [...token].length;
    return at;
  });
  const values = tokens.map((token, index) => (index === 0 ? null : wordLogProbability(token.trim())));
  return {
    choices: [{ text: `${body.prompt} end`, logprobs: { tokens, token_logprobs: values, text_offset: offsets } }],
  };
}
