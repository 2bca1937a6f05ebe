import { join } from "node:path";
import { expect, test } from "vitest";
import { conformanceContent, describeModelSource } from "../../../test/helpers/model-source-conformance.ts";
import { serveFile } from "../../../test/helpers/serve-file.ts";
import { makeTempDir } from "../../../test/helpers/temp-dir.ts";
import { runWork } from "../../util/events.ts";
import { openSource } from "../open-source.ts";

describeModelSource("hf", async () => {
  const server = await serveFile({ content: conformanceContent, etag: '"1"' });
  const gone = await serveFile({ content: conformanceContent, status: 404 });
  return {
    source: openSource("hf:owner/repo/model.gguf", { env: { HF_ENDPOINT: server.origin, HF_TOKEN: "secret" } }),
    missing: openSource("hf:owner/repo/other.gguf", { env: { HF_ENDPOINT: `${gone.origin}/` } }),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await gone[Symbol.asyncDispose]();
    },
  };
});

test("asks for the file at the revision, and sends the token to the hub alone, not where it redirects to", async () => {
  await using directory = await makeTempDir();
  await using storage = await serveFile({ content: conformanceContent });
  await using hub = await serveFile({
    content: conformanceContent,
    status: 302,
    // Another host name for the same machine: to a browser and to fetch that is another origin.
    location: `${storage.origin.replace("127.0.0.1", "localhost")}/blob`,
  });
  const source = openSource("hf:owner/repo/quants/model.gguf@v1.0", {
    env: { HF_ENDPOINT: hub.origin, HF_TOKEN: "secret" },
  });
  await runWork(source.fetch({ partFile: join(directory.path, "part") }));
  expect(hub.requests[0]).toMatchObject({
    url: "/owner/repo/resolve/v1.0/quants/model.gguf",
    headers: { authorization: "Bearer secret" },
  });
  expect(storage.requests[0]!.headers.authorization).toBeUndefined();
});

test("a file behind terms says what to do about it", async () => {
  await using directory = await makeTempDir();
  await using hub = await serveFile({ content: conformanceContent, status: 401 });
  const source = openSource("hf:owner/repo/model.gguf", { env: { HF_ENDPOINT: hub.origin } });
  await expect(runWork(source.fetch({ partFile: join(directory.path, "part") }))).rejects.toMatchObject({
    message: expect.stringContaining("401"),
    hint: expect.stringContaining("HF_TOKEN"),
  });
});

test.each(["hf:owner", "hf:owner/repo", "hf:owner/repo/../../x.gguf", "hf:owner/repo//x.gguf"])(
  "%s is refused",
  (address) => {
    expect(() => openSource(address, { env: {} })).toThrow(/no hub address/);
  },
);
