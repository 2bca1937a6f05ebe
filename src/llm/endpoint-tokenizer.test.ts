import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { openEndpointTokenizer } from "./endpoint-tokenizer.ts";

/** Servers that count three characters as a token, and answer as vLLM, llama-server or neither does. */
async function startServer(kind: "vllm" | "llama-server" | "none" | "locked") {
  const bodies: Record<string, unknown>[] = [];
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const piece of request) text += piece;
    const body = JSON.parse(text || "{}");
    bodies.push({ path: request.url, ...body });
    const content: string = kind === "vllm" ? body.prompt : body.content;
    const tokens = Array.from({ length: Math.ceil((content ?? "").length / 3) }, (_, i) => i);
    const answer = kind === "vllm" ? { count: tokens.length, max_model_len: 4096, tokens } : { tokens };
    const status = request.url !== "/tokenize" || kind === "none" ? 404 : kind === "locked" ? 401 : 200;
    response
      .writeHead(status, { "content-type": "application/json" })
      .end(JSON.stringify(status === 200 ? answer : {}));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return { url, bodies, [Symbol.dispose]: () => void server.close() };
}

test.each(["vllm", "llama-server"] as const)(
  "%s counts, beside /v1 and without the marks of a prompt",
  async (kind) => {
    using server = await startServer(kind);
    const count = await openEndpointTokenizer({ url: server.url, model: "teacher" });
    expect(await count!("seven characters")).toBe(6);
    expect(server.bodies.at(-1)).toMatchObject({ path: "/tokenize", add_special_tokens: false, add_special: false });
  },
);

test("a server without one is no error; a wrong key is, and nobody at all", async () => {
  using none = await startServer("none");
  expect(await openEndpointTokenizer({ url: none.url })).toBeUndefined();
  using locked = await startServer("locked");
  await expect(openEndpointTokenizer({ url: locked.url })).rejects.toMatchObject({ code: "ENDPOINT_UNAUTHORIZED" });
  await expect(openEndpointTokenizer({ url: "http://127.0.0.1:9" })).rejects.toMatchObject({
    code: "ENDPOINT_UNREACHABLE",
  });
});
