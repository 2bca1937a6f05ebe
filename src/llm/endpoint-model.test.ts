import type { ServerResponse } from "node:http";
import { expect, test } from "vitest";
import {
  type FakeOpenAiServerOptions,
  sendJson,
  startFakeOpenAiServer,
} from "../../test/helpers/fake-openai-server.ts";
import { languageModelConformance } from "./conformance.ts";
import { type EndpointModelOptions, normaliseUrl, openEndpointModel } from "./endpoint-model.ts";
import { retryAfterMs } from "./http-json.ts";

const prompt = { text: "Count" };
const question = { messages: [{ role: "user" as const, content: "Who?" }] };

async function withServer(
  server: FakeOpenAiServerOptions,
  client: Partial<EndpointModelOptions>,
  use: (context: {
    open: (more?: Partial<EndpointModelOptions>) => ReturnType<typeof openEndpointModel>;
    fake: Awaited<ReturnType<typeof startFakeOpenAiServer>>;
  }) => Promise<void>,
): Promise<void> {
  await using fake = await startFakeOpenAiServer(server);
  await use({ fake, open: (more) => openEndpointModel({ url: fake.url, retryDelayMs: 1, ...client, ...more }) });
}

test.each(languageModelConformance)("conformance: $name", ({ run }) =>
  withServer(
    { wordLogProbability: (word) => (word === "Paris" ? -0.1 : -2), embedding: (text) => [text.length, 1] },
    {},
    async ({ open }) => run(await open(), prompt),
  ),
);

test.each(languageModelConformance)("conformance without scores and embeddings: $name", ({ run }) =>
  withServer({}, {}, async ({ open }) => run(await open(), prompt)),
);

test.each([
  ["http://localhost:8000", "http://localhost:8000/v1"],
  ["http://localhost:8000/", "http://localhost:8000/v1"],
  ["http://localhost:8000/v1", "http://localhost:8000/v1"],
  ["https://host/v1/", "https://host/v1"],
  ["https://host/proxy/vllm", "https://host/proxy/vllm/v1"],
  ["https://host/v1beta/openai/", "https://host/v1beta/openai"],
  ["localhost:8000", "http://localhost:8000/v1"],
  ["http://user:secret@host:1/v1", "http://host:1/v1"],
])("address %s", (given, expected) => {
  expect(normaliseUrl(given)).toBe(expected);
});

test("raw prompts and conversations go to their own paths with everything that was asked", () =>
  withServer({}, { apiKey: "k" }, async ({ open, fake }) => {
    const model = await open();
    const stop = ["1", "2", "3", "4", "five"];
    const raw = await model.generate({ prompt, maxTokens: 9, temperature: 0.5, topP: 0.9, seed: 3, stop });
    await model.generate({ prompt: question, maxTokens: 3 });
    expect(fake.requests.slice(1).map(({ path, body, headers }) => [path, headers.authorization, body])).toEqual([
      [
        "/v1/completions",
        "Bearer k",
        {
          model: "fake",
          prompt: "Count",
          max_tokens: 9,
          temperature: 0.5,
          top_p: 0.9,
          seed: 3,
          stop: stop.slice(0, 4),
        },
      ],
      [
        "/v1/chat/completions",
        "Bearer k",
        { model: "fake", messages: question.messages, max_tokens: 3, temperature: 0 },
      ],
    ]);
    // The fifth stop string is more than servers take and is applied here.
    expect(raw.text).toBe("one two three four ");
    expect(model.id).toBe(`${fake.url}/v1#fake`);
  }));

test("the model's name: the only one, or a list to choose from", () =>
  withServer({ models: ["a", "b"] }, {}, async ({ open }) => {
    await expect(open()).rejects.toMatchObject({
      code: "ENDPOINT_MODEL_UNKNOWN",
      hint: expect.stringContaining("a, b"),
    });
    expect((await open({ model: "b" })).id).toMatch(/#b$/);
    const wrong = await open({ model: "c" });
    await expect(wrong.generate({ prompt, maxTokens: 1 })).rejects.toMatchObject({
      code: "ENDPOINT_MODEL_UNKNOWN",
      hint: expect.stringContaining("a, b"),
    });
  }));

test("a server that lists no models works when a name is given", () =>
  withServer(
    {
      intercept: ({ path }, response) => {
        if (path !== "/v1/models") return false;
        sendJson(response, 404, {});
        return true;
      },
    },
    { model: "fake" },
    async ({ open }) => expect((await (await open()).generate({ prompt, maxTokens: 2 })).text).toBe("one two"),
  ));

test("nobody there, and no key", async () => {
  const fake = await startFakeOpenAiServer();
  await fake[Symbol.asyncDispose]();
  await expect(openEndpointModel({ url: fake.url })).rejects.toMatchObject({
    code: "ENDPOINT_UNREACHABLE",
    message: expect.stringContaining("refused"),
  });
  await withServer({ apiKey: "right" }, {}, async ({ open }) => {
    await expect(open()).rejects.toMatchObject({
      code: "ENDPOINT_UNAUTHORIZED",
      hint: expect.stringContaining("--api-key"),
    });
    const error = (await open({ apiKey: "wrong-secret", model: "fake" }).catch((thrown: unknown) => thrown)) as Error;
    expect(error).toMatchObject({ code: "ENDPOINT_UNAUTHORIZED" });
    expect(JSON.stringify(error) + error.message).not.toContain("wrong-secret");
  });
});

/** Fails the first `times` completions with `fail`. */
function failing(times: number, fail: NonNullable<FakeOpenAiServerOptions["intercept"]>): FakeOpenAiServerOptions {
  let left = times;
  return {
    intercept: (request, response) => (request.path !== "/v1/models" && left-- > 0 ? fail(request, response) : false),
  };
}

test.each([
  ["503", (_: unknown, response: ServerResponse) => sendJson(response, 503, {})],
  ["429", (_: unknown, response: ServerResponse) => sendJson(response, 429, {})],
  ["a dropped connection", (_: unknown, response: ServerResponse) => response.destroy()],
])("%s is tried again, up to the limit", async (_, fail) => {
  await withServer(failing(2, fail), { retries: 2 }, async ({ open, fake }) => {
    expect((await (await open()).generate({ prompt, maxTokens: 1 })).text).toBe("one");
    expect(fake.requests.length).toBe(4);
  });
  await withServer(failing(3, fail), { retries: 2 }, async ({ open }) => {
    await expect((await open()).generate({ prompt, maxTokens: 1 })).rejects.toMatchObject({ code: /ENDPOINT_/ });
  });
});

test("a bad request is not tried again and shows what the server said", () =>
  withServer(
    failing(1, (_, response) => sendJson(response, 400, { error: { message: "temperature too hot" } })),
    {},
    async ({ open, fake }) => {
      await expect((await open()).generate({ prompt, maxTokens: 1 })).rejects.toThrow(/400: temperature too hot/);
      expect(fake.requests.length).toBe(2);
    },
  ));

test("Retry-After is honoured: seconds or date", async () => {
  expect(retryAfterMs("2")).toBe(2000);
  expect(retryAfterMs(new Date(5000).toUTCString(), 2000)).toBe(3000);
  expect(retryAfterMs("soon")).toBeUndefined();
  const slow = failing(1, (_, response) => sendJson(response, 429, {}, { "retry-after": "0.3" }));
  await withServer(slow, {}, async ({ open }) => {
    const model = await open();
    const started = Date.now();
    await model.generate({ prompt, maxTokens: 1 });
    expect(Date.now() - started).toBeGreaterThanOrEqual(290);
  });
});

test("cancelling ends the wait for a retry", () =>
  withServer(
    failing(9, (_, response) => sendJson(response, 503, {}, { "retry-after": "50" })),
    {},
    async ({ open }) => {
      const model = await open();
      const signal = AbortSignal.timeout(50);
      await expect(model.generate({ prompt, maxTokens: 1, signal })).rejects.toMatchObject({ code: "CANCELLED" });
    },
  ));

test("a server that never answers times out; one that answers HTML is named", async () => {
  await withServer(
    failing(1, () => true),
    { timeoutMs: 60, retries: 0 },
    async ({ open }) => {
      await expect((await open()).generate({ prompt, maxTokens: 1 })).rejects.toMatchObject({
        code: "ENDPOINT_TIMEOUT",
      });
    },
  );
  const html = failing(1, (_, response) => response.end("<html>"));
  await withServer(html, {}, async ({ open }) => {
    await expect((await open()).generate({ prompt, maxTokens: 1 })).rejects.toMatchObject({
      code: "ENDPOINT_ANSWER_INVALID",
    });
  });
});

test("scores are those of the continuation's words", () =>
  withServer({ wordLogProbability: (word) => -word.length }, {}, async ({ open }) => {
    const model = await open();
    const [score] = await model.score([{ prompt: { text: "Grüße 😀 from" }, continuation: " sunny Rome" }]);
    expect(score!.logProbabilities).toEqual([-5, -4]);
    await expect(model.score([{ prompt: question, continuation: "x" }])).rejects.toMatchObject({
      code: "SCORE_UNSUPPORTED",
    });
  }));

test("embeddings come back in the order asked", () =>
  withServer({ embedding: (text) => [text.length] }, {}, async ({ open }) => {
    expect((await (await open()).embed(["a", "bbb"])).map((vector) => vector[0])).toEqual([1, 3]);
  }));
