import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  type FakeOpenAiServerOptions,
  sendJson,
  startFakeOpenAiServer,
} from "../../../test/helpers/fake-openai-server.ts";
import type { Row } from "../../artifacts.ts";
import { openEndpointModel } from "../../llm/endpoint-model.ts";
import { runWork } from "../../util/events.ts";
import { loadPipeline } from "../files/load-pipeline.ts";
import { runPipeline } from "../run-pipeline.ts";

const ROWS = 60;
const BAD = "number 17";
const rows: Row[] = Array.from({ length: ROWS }, (_, index) => ({ topic: `number ${index} is here` }));

async function twoSteps(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "pipeline-"));
  const prompt = (text: string) =>
    `system: ""\nintroduction: ""\nprinciples: ""\nexamples: ""\ngeneration: "${text}"\nstart_tags: [""]\nend_tags: [""]\n`;
  await writeFile(join(directory, "ask.yaml"), prompt("Ask about {{ topic }}"));
  await writeFile(join(directory, "answer.yaml"), prompt("Answer {{ question }}"));
  const file = join(directory, "pipeline.yaml");
  await writeFile(
    file,
    `version: "1.0"
blocks:
  - { name: ask, type: LLMBlock, config: { config_path: ask.yaml, output_cols: [question] }, drop_duplicates: [question] }
  - { name: answer, type: LLMBlock, config: { config_path: answer.yaml, output_cols: [response] } }
`,
  );
  return file;
}

async function runAgainst(server: FakeOpenAiServerOptions) {
  await using fake = await startFakeOpenAiServer({ answer: (prompt) => `${prompt}?`, ...server });
  await using model = await openEndpointModel({ url: fake.url, retryDelayMs: 1, timeoutMs: 400, retries: 9 });
  const pipeline = await loadPipeline(await twoSteps(), ["topic"]);
  const run = await runWork(runPipeline(rows, pipeline, { model }));
  return { ...run, requests: fake.requests.length };
}

test("a server that fails, stalls, breaks off, and limits: the rows are those of a healthy one", async () => {
  let count = 0;
  const troubled = await runAgainst({
    intercept: ({ path }, response) => {
      if (path === "/v1/models") return false;
      count += 1;
      if (count % 5 === 0) return sendJson(response, 429, {}, { "retry-after": "0.005" });
      if (count % 7 === 0) return sendJson(response, 500, { error: { message: "out of memory" } });
      if (count % 11 === 0) return response.destroy();
      if (count % 13 === 0) return response.end('{"choices": [{"message": {"content": "Ask ab');
      // Never answered.
      return count % 29 === 0;
    },
  });
  const healthy = await runAgainst({});
  expect(troubled.rows).toEqual(healthy.rows);
  expect(healthy.rows).toHaveLength(ROWS);
  expect(troubled.drops).toEqual([]);
  expect(troubled.requests).toBeGreaterThan(healthy.requests);
});

test("a prompt that the server never accepts costs its row alone, and the account says why", async () => {
  const { rows: made, drops } = await runAgainst({
    intercept: ({ body }, response) =>
      JSON.stringify(body ?? "").includes(BAD)
        ? sendJson(response, 400, { error: { message: "prompt refused" } })
        : false,
  });
  expect(made).toHaveLength(ROWS - 1);
  expect(drops).toHaveLength(1);
  expect(drops[0]).toMatchObject({ block: "ask", count: 1, reason: expect.stringContaining("prompt refused") });
});

test("a server that dies ends the run with what to do", async () => {
  let count = 0;
  const dying: FakeOpenAiServerOptions = {
    intercept: ({ path }, response) => path !== "/v1/models" && ++count > 20 && response.destroy(),
  };
  await expect(runAgainst(dying)).rejects.toMatchObject({
    code: "TEACHER_LOST",
    hint: expect.stringContaining("finished calls are kept"),
  });
});
