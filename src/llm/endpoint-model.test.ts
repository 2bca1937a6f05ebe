import { readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { expect, test, vi } from "vitest";
import {
  type FakeOpenAiServerOptions,
  sendJson,
  startFakeOpenAiServer,
} from "../../test/helpers/fake-openai-server.ts";
import { languageModelConformance } from "./conformance.ts";
import { type EndpointModelOptions, normaliseUrl, openEndpointModel } from "./endpoint-model.ts";
import { createRateLimit, retryAfterMs } from "./rate-limit.ts";

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
    await expect(open({ model: "c" })).rejects.toMatchObject({
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
  await withServer(failing(11, fail), { retries: 2 }, async ({ open }) => {
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
  let now = 1000;
  const limit = createRateLimit(() => now);
  expect(limit.learn({ "x-ratelimit-remaining-requests": "3", "x-ratelimit-reset-requests": "1s" }, false)).toBe(
    undefined,
  );
  expect(limit.learn({ "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m0.5s" }, false)).toBe(
    60_500,
  );
  now += 500;
  expect(limit.waitMs()).toBe(60_000);
  const slow = failing(1, (_, response) => sendJson(response, 429, {}, { "retry-after": "0.3" }));
  await withServer(slow, {}, async ({ open }) => {
    const model = await open();
    const started = Date.now();
    await model.generate({ prompt, maxTokens: 1 });
    expect(Date.now() - started).toBeGreaterThanOrEqual(290);
  });
});

test("one refusal makes all requests wait", async () => {
  let refusedAt = 0;
  const early: number[] = [];
  const server: FakeOpenAiServerOptions = {
    intercept: ({ path }, response) => {
      if (path === "/v1/models") return false;
      if (refusedAt === 0) {
        refusedAt = Date.now();
        return sendJson(response, 429, {}, { "retry-after": "0.3" });
      }
      if (Date.now() - refusedAt < 290) early.push(Date.now() - refusedAt);
      return false;
    },
  };
  await withServer(server, {}, async ({ open }) => {
    const model = await open();
    const first = model.generate({ prompt: question, maxTokens: 1 });
    await new Promise((resolve) => setTimeout(resolve, 60));
    const later = Array.from({ length: 5 }, () => model.generate({ prompt: question, maxTokens: 1 }));
    await Promise.all([first, ...later]);
    expect(early).toEqual([]);
  });
});

test("an answer that breaks off, or is no JSON, is asked for again", async () => {
  for (const body of ['{"choices": [{"te', "<html>busy</html>"])
    await withServer(
      failing(1, (_, response) => response.end(body)),
      {},
      async ({ open }) => expect((await (await open()).generate({ prompt, maxTokens: 2 })).text).toBe("one two"),
    );
  const cut = failing(1, (_, response) => {
    response.writeHead(200, { "content-length": "1000" });
    response.write('{"choices"');
    setTimeout(() => response.destroy(), 5);
    return true;
  });
  await withServer(cut, {}, async ({ open }) =>
    expect((await (await open()).generate({ prompt, maxTokens: 2 })).text).toBe("one two"),
  );
});

test("several answers and lists of prompts, where the server can", async () => {
  let count = 0;
  const numbered = { answer: (asked: string) => `${asked} ${count++}` };
  await withServer(numbered, {}, async ({ open, fake }) => {
    const model = await open();
    const result = await model.generate({ prompt: question, maxTokens: 5, n: 3, temperature: 1 });
    expect(result.texts).toEqual(["Who? 0", "Who? 1", "Who? 2"]);
    const many = await Promise.all(
      Array.from({ length: 10 }, (_, index) => model.generate({ prompt: { text: `p${index}` }, maxTokens: 5, n: 2 })),
    );
    expect(many.map(({ texts }) => texts!.map((text) => text.split(" ")[0]))).toEqual(
      Array.from({ length: 10 }, (_, index) => [`p${index}`, `p${index}`]),
    );
    expect(fake.requests.slice(2).map(({ body }) => body.prompt.length)).toEqual([8, 2]);
  });
  const single: FakeOpenAiServerOptions = {
    intercept: ({ body }, response) =>
      Array.isArray(body?.prompt) ? sendJson(response, 400, { error: { message: "prompt must be a string" } }) : false,
    ignoresN: true,
  };
  await withServer(single, {}, async ({ open }) => {
    const model = await open();
    const many = await Promise.all(["a", "b"].map((text) => model.generate({ prompt: { text }, maxTokens: 1, n: 2 })));
    expect(many.map(({ texts }) => texts)).toEqual([["one"], ["one"]]);
  });
});

test("what a server refuses to know is not sent again", () =>
  withServer(
    {
      intercept: ({ body }, response) =>
        body?.max_tokens !== undefined
          ? sendJson(response, 400, {
              error: { message: "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead." },
            })
          : body?.seed !== undefined
            ? sendJson(response, 422, { detail: "Extra inputs are not permitted: 'seed'" })
            : false,
    },
    {},
    async ({ open, fake }) => {
      const model = await open();
      await model.generate({ prompt: question, maxTokens: 2, seed: 1 });
      await model.generate({ prompt: question, maxTokens: 2, seed: 1 });
      const bodies = fake.requests.slice(1).map(({ body }) => Object.keys(body).sort());
      expect(bodies.slice(2)).toEqual(Array(2).fill(["max_completion_tokens", "messages", "model", "temperature"]));
      expect(fake.requests).toHaveLength(5);
    },
  ));

test("a name that is not on the list is good when the server answers to it", () =>
  withServer(
    {
      models: ["llama3:latest"],
      intercept: ({ body }, response) =>
        body?.model === "llama3" ? sendJson(response, 200, { choices: [{ message: { content: "hi" } }] }) : false,
    },
    {},
    async ({ open }) => {
      expect((await open({ model: "llama3" })).id).toMatch(/#llama3$/);
      await expect(open({ model: "lama3:latest" })).rejects.toMatchObject({
        hint: expect.stringContaining("Did you mean 'llama3:latest'?"),
      });
    },
  ));

test("https with certificates of one's own", async () => {
  const pem = async (name: string) =>
    await readFile(new URL(`../../test/golden/tls/${name}.pem`, import.meta.url), "utf8");
  const [ca, cert, key] = await Promise.all(["authority", "certificate", "key"].map(pem));
  const tls = { cert: cert!, key: key!, ca: ca!, requestCert: true };
  await withServer({ tls }, {}, async ({ open }) => {
    await expect(open({ retries: 0 })).rejects.toMatchObject({
      code: "ENDPOINT_UNREACHABLE",
      hint: expect.stringContaining("--tls-ca"),
    });
    const client = { clientCertificate: cert, clientKey: key };
    expect((await open({ tls: { authority: ca, ...client } })).id).toMatch(/#fake$/);
    expect((await open({ tls: { isInsecure: true, ...client } })).id).toMatch(/#fake$/);
    await expect(open({ retries: 0, tls: { authority: ca } })).rejects.toMatchObject({ code: "ENDPOINT_UNREACHABLE" });
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
  const html = failing(9, (_, response) => response.end("<html>"));
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

test("answers in other forms than asked for are understood; others are told in words", async () => {
  const answers: [string, object | string, string | RegExp][] = [
    ["null, where a model thought until its tokens ran out", { choices: [{ message: { content: null } }] }, ""],
    ["a list of parts", { choices: [{ message: { content: [{ type: "text", text: "a" }, { text: "b" }] } }] }, "ab"],
    ["a byte order mark", `\ufeff${JSON.stringify({ choices: [{ text: "a" }] })}`, "a"],
    ["choices that are none", { choices: "x" }, /without a text/],
    ["an empty choice", { choices: [null] }, /without a text/],
    ["nothing", "null", /without a text/],
    ["an error with status 200", { error: { message: "out of memory" } }, /out of memory/],
  ];
  for (const [name, answer, expected] of answers) {
    await using server = await startFakeOpenAiServer({
      intercept: ({ path }, response) =>
        path !== "/v1/models" && response.end(typeof answer === "string" ? answer : JSON.stringify(answer)),
    });
    await using model = await openEndpointModel({ url: server.url, retries: 0 });
    const asked = model.generate({ prompt: { messages: [{ role: "user", content: "a" }] }, maxTokens: 4 });
    if (typeof expected === "string") expect((await asked).text, name).toBe(expected);
    else await expect(asked, name).rejects.toThrow(expected);
  }
});

test("a list of models in another form, or none in time, does not matter where a name is given", async () => {
  for (const list of ['[{"id": "m"}]', '{"object": "list"}', "<html>", "null", undefined]) {
    await using server = await startFakeOpenAiServer({
      intercept: ({ path }, response) => path === "/v1/models" && (list === undefined || response.end(list)),
      models: ["m"],
      answer: () => "fine",
    });
    await using model = await openEndpointModel({ url: server.url, model: "m", timeoutMs: 300 });
    expect((await model.generate({ prompt: { text: "a" }, maxTokens: 4 })).text).toBe("fine");
  }
});

test("packed answers are unpacked, redirections name their target, an empty account is not waited for", async () => {
  const { gzipSync, brotliCompressSync } = await import("node:zlib");
  const answer = Buffer.from(JSON.stringify({ choices: [{ text: "packed" }] }));
  const statuses: number[] = [];
  await using server = await startFakeOpenAiServer({
    intercept: ({ path, body }, response) => {
      if (path === "/v1/models") return false;
      const { prompt } = body as { prompt: string };
      statuses.push(0);
      if (prompt === "gzip") return response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(answer));
      if (prompt === "br") return response.writeHead(200, { "content-encoding": "br" }).end(brotliCompressSync(answer));
      if (prompt === "broken") return response.writeHead(200, { "content-encoding": "gzip" }).end(answer);
      if (prompt === "moved") return response.writeHead(301, { location: "https://elsewhere/v1" }).end();
      return sendJson(response, 429, { error: { code: "insufficient_quota", message: "You exceeded your quota" } });
    },
  });
  await using model = await openEndpointModel({ url: server.url, retryDelayMs: 1, retries: 1 });
  const ask = async (text: string) => (await model.generate({ prompt: { text }, maxTokens: 4 })).text;
  expect([await ask("gzip"), await ask("br")]).toEqual(["packed", "packed"]);
  await expect(ask("broken")).rejects.toMatchObject({ code: "ENDPOINT_UNREACHABLE" });
  await expect(ask("moved")).rejects.toMatchObject({ message: expect.stringContaining("https://elsewhere/v1") });
  statuses.length = 0;
  await expect(ask("poor")).rejects.toMatchObject({ code: "ENDPOINT_QUOTA" });
  expect(statuses).toHaveLength(1);
});

test("embeddings that are none are told", async () => {
  for (const answer of [
    { error: { message: "no embeddings" } },
    { data: [{ index: 0, embedding: [1, null] }] },
    { data: [] },
  ]) {
    await using server = await startFakeOpenAiServer({
      intercept: ({ path }, response) => path === "/v1/embeddings" && response.end(JSON.stringify(answer)),
    });
    await using model = await openEndpointModel({ url: server.url });
    await expect(model.embed(["a"])).rejects.toMatchObject({ code: "ENDPOINT_ANSWER_INVALID" });
  }
});

test("an answer of blanks without an end is given up; long waits are told", async () => {
  const told: string[] = [];
  await using server = await startFakeOpenAiServer({
    intercept: ({ path, body }, response) => {
      if (path === "/v1/models") return false;
      if ((body as { prompt: string }).prompt === "busy")
        return sendJson(response, 429, { error: { message: "slow down" } }, { "retry-after": "7" });
      const timer = setInterval(() => response.write(" "), 20);
      response.on("close", () => clearInterval(timer));
      return true;
    },
  });
  const onLongWait = (reason: string, waitMs: number) => told.push(`${waitMs} ${reason}`);
  await using model = await openEndpointModel({ url: server.url, timeoutMs: 100, retries: 0, onLongWait });
  const startedAt = performance.now();
  await expect(model.generate({ prompt: { text: "blanks" }, maxTokens: 4 })).rejects.toMatchObject({
    code: "ENDPOINT_TIMEOUT",
  });
  expect(performance.now() - startedAt).toBeLessThan(3000);
  await using patient = await openEndpointModel({ url: server.url, onLongWait });
  const signal = AbortSignal.timeout(500);
  await expect(patient.generate({ prompt: { text: "busy" }, maxTokens: 4, signal })).rejects.toMatchObject({
    code: "CANCELLED",
  });
  expect(told).toEqual([expect.stringMatching(/^7000 .*slow down/)]);
});

test("a proxy of the environment is used for other machines, not for this one", async () => {
  await using server = await startFakeOpenAiServer({ answer: () => "fine" });
  const wanted: string[] = [];
  const proxy = createServer().on("connect", (request, socket: Socket) => {
    wanted.push(request.url!);
    const far = connect(Number(new URL(server.url).port), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      far.pipe(socket).pipe(far);
    });
    for (const one of [far, socket]) one.on("error", () => {});
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  vi.stubEnv("http_proxy", `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
  try {
    for (const url of ["http://model.invalid:8000", server.url]) {
      await using model = await openEndpointModel({ url });
      expect((await model.generate({ prompt: { text: "a" }, maxTokens: 4 })).text).toBe("fine");
    }
    expect(new Set(wanted)).toEqual(new Set(["model.invalid:8000"]));
  } finally {
    vi.unstubAllEnvs();
    proxy.closeAllConnections();
    proxy.close();
  }
});
