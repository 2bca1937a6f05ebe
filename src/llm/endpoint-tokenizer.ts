/** Counts tokens by the server that serves the model: vLLM's and llama-server's `/tokenize`, which stand beside `/v1`, not in it. */
import { type EndpointModelOptions, normaliseUrl } from "./endpoint-model.ts";
import { createHttpClient, HttpStatusError, requestJson } from "./http-json.ts";

export type EndpointTokenizer = (text: string) => Promise<number>;

/** Undefined when the server has none, as OpenAI and Ollama. Throws `ENDPOINT_UNREACHABLE`, `ENDPOINT_UNAUTHORIZED`. */
export async function openEndpointTokenizer(options: EndpointModelOptions): Promise<EndpointTokenizer | undefined> {
  const { url, model, apiKey, timeoutMs = 60_000, tls, signal } = options;
  const client = createHttpClient({
    url: normaliseUrl(url).replace(/\/v1$/, ""),
    ...{ apiKey, timeoutMs, tls, retries: 2, retryDelayMs: 300 },
  });
  const count = async (text: string): Promise<number | undefined> => {
    // vLLM reads the first three, llama-server the others; each passes over what it does not know.
    const body = { model, prompt: text, add_special_tokens: false, content: text, add_special: false };
    const answer = (await requestJson(client, { method: "POST", path: "/tokenize", body, signal })) as {
      count?: unknown;
      tokens?: unknown;
    } | null;
    if (typeof answer?.count === "number") return answer.count;
    return Array.isArray(answer?.tokens) ? answer.tokens.length : undefined;
  };
  try {
    if ((await count("a b")) === undefined) return undefined;
  } catch (error) {
    if (error instanceof HttpStatusError && error.status !== 401 && error.status !== 403) return undefined;
    throw error;
  }
  return async (text) => (await count(text)) ?? 0;
}
