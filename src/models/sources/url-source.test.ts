import { expect, test } from "vitest";
import { conformanceContent, describeModelSource } from "../../../test/helpers/model-source-conformance.ts";
import { serveFile } from "../../../test/helpers/serve-file.ts";
import { openSource } from "../open-source.ts";

describeModelSource("url", async () => {
  const server = await serveFile({ content: conformanceContent, etag: '"1"' });
  const gone = await serveFile({ content: conformanceContent, status: 404 });
  return {
    source: openSource(`${server.origin}/files/model.gguf?signature=secret`, { env: {} }),
    missing: openSource(`url:${gone.origin}/model.gguf`, { env: {} }),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await gone[Symbol.asyncDispose]();
    },
  };
});

test.each(["ftp://host/x.gguf", "url:not a url", "htps://host/x.gguf", "model"])("%s is refused", (address) => {
  expect(() => openSource(address, { env: {} })).toThrow(/no (web|model) address/);
});
