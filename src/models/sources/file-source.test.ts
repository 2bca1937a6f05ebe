import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { conformanceContent, describeModelSource } from "../../../test/helpers/model-source-conformance.ts";
import { openSource } from "../open-source.ts";

describeModelSource("file", async (directory) => {
  await writeFile(join(directory, "model.gguf"), conformanceContent);
  return {
    source: openSource(`file:${join(directory, "model.gguf")}`, { env: {} }),
    missing: openSource(`file:${join(directory, "other.gguf")}`, { env: {} }),
    async [Symbol.asyncDispose]() {},
  };
});
