import { join } from "node:path";
import { expect, test } from "vitest";
import { startFakeOpenAiServer } from "../../test/helpers/fake-openai-server.ts";
import { makeTempDir } from "../../test/helpers/temp-dir.ts";
import { writeTinyModel } from "../../test/helpers/tiny-model.ts";
import { readMarkdown } from "../formats/documents/read-markdown.ts";
import { readGguf } from "../formats/gguf/read-gguf.ts";
import { openTokenizer } from "../llm/tokenizer.ts";
import { chunkDocument } from "./chunk-document.ts";
import { openTokenCounter } from "./open-token-counter.ts";

test("a model's own tokens, without begin and end; no piece is beyond the budget", async () => {
  await using directory = await makeTempDir();
  const modelFile = join(directory.path, "tiny.gguf");
  await writeTinyModel(modelFile);
  await using tokenizer = await openTokenizer(await readGguf(modelFile));
  const decoded = (text: string) => tokenizer.decode(tokenizer.encodeDocument(text).tokens);
  await using counter = openTokenCounter(() => ({ modelFile }));
  expect(await counter.prepare()).toBe("tokens");
  expect(await counter.count("")).toBe(0);
  expect(await counter.count("ab")).toBe(
    tokenizer.encodeDocument("ab").tokens.length - tokenizer.encodeDocument("").tokens.length,
  );
  expect(decoded("ab")).toContain("ab");
  const text = `# Head\n\n${"The ferry leaves at seven, and comes back. ".repeat(40)}\n\n${"- one item of many\n".repeat(30)}\n\n| a | b |\n|--|--|\n${"| cell | other |\n".repeat(40)}`;
  const chunks = await chunkDocument(
    { name: "a.md", blocks: readMarkdown(text) },
    { maxTokens: 150, overlapSentences: 1, counter },
  );
  expect(chunks.length).toBeGreaterThan(5);
  for (const { text: piece, headings, tokens } of chunks) {
    expect(await counter.count(`${headings.join("\n")}\n${piece}`)).toBeLessThanOrEqual(150);
    expect(tokens).toBeLessThanOrEqual(150);
  }
});

test("an estimate where there is no model, or a server that does not count; nothing is opened before it is needed", async () => {
  let asked = 0;
  const none = openTokenCounter(() => {
    asked += 1;
    return undefined;
  });
  expect(asked).toBe(0);
  expect(await none.prepare()).toBe("estimated tokens");
  expect(await none.count("One two.")).toBe(3);
  expect(asked).toBe(1);
  await using server = await startFakeOpenAiServer({ models: ["teacher"] });
  await using counter = openTokenCounter(() => ({ endpoint: { url: server.url, model: "teacher" } }));
  expect(await counter.prepare()).toBe("estimated tokens");
});
