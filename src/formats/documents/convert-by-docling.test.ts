import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { convertByDocling } from "./convert-by-docling.ts";

/** A docling-serve of version 1: takes a file as a task, says twice that it works on it, gives the result. */
async function startDocling(answers: Record<string, unknown> = {}) {
  const requests: { path: string; key?: string; body: string }[] = [];
  let polls = 0;
  const routes: Record<string, () => unknown> = {
    "/v1/convert/file/async": () => ({
      task_id: "t 1",
      task_type: "convert",
      task_status: "pending",
      task_position: 1,
    }),
    "/v1/status/poll/t%201": () => ({
      task_id: "t 1",
      task_status: ++polls < 3 ? "started" : "success",
      task_meta: null,
    }),
    "/v1/result/t%201": () => ({
      document: { filename: "a.pdf", md_content: "# A\n\n<!-- image -->\n\nText.", json_content: null },
      ...{ status: "success", errors: [], processing_time: 0.1, timings: {} },
    }),
  };
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    let body = "";
    for await (const piece of request) body += (piece as Buffer).toString("latin1");
    const path = request.url!.split("?")[0]!;
    requests.push({ path, key: request.headers["x-api-key"] as string, body });
    const answer = answers[path] ?? routes[path]?.();
    const status = typeof answer === "number" ? answer : answer === undefined ? 404 : 200;
    response.writeHead(status, { "content-type": "application/json" });
    response.end(typeof answer === "string" ? answer : JSON.stringify(status === 200 ? answer : { detail: "no" }));
  };
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stops.push(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}
const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

test("a file is given, waited for and fetched", async () => {
  const { url, requests } = await startDocling();
  const markdown = await convertByDocling("sub/a.pdf", Buffer.from("%PDF-x"), {
    url: `${url}/v1/`,
    apiKey: "k",
    pollMs: 1,
  });
  expect(markdown.replace(/\n+/g, "\n")).toBe("# A\nText.");
  expect(requests.map(({ path }) => path)).toEqual([
    "/v1/convert/file/async",
    ...Array(3).fill("/v1/status/poll/t%201"),
    "/v1/result/t%201",
  ]);
  expect(requests.every(({ key }) => key === "k")).toBe(true);
  const form = requests[0]!.body;
  expect(form).toMatch(/name="files"; filename="a\.pdf"[\s\S]*%PDF-x/);
  expect(form).toMatch(/name="to_formats"\s+md/);
  expect(form).toMatch(/name="image_export_mode"\s+placeholder/);
});

const failure = {
  document: { md_content: "" },
  status: "failure",
  errors: [{ error_message: "bad xref", component_type: "x" }],
};
test.each<[string, string, Record<string, unknown>, RegExp]>([
  ["a document that it cannot convert", "DOCUMENT_NOT_CONVERTED", { "/v1/result/t%201": failure }, /bad xref/],
  ["one without text", "DOCUMENT_NOT_CONVERTED", { "/v1/result/t%201": { ...failure, status: "success" } }, /no text/],
  ["a missing key", "DOCLING_FAILED", { "/v1/convert/file/async": 401 }, /401/],
  ["another server", "DOCLING_FAILED", { "/v1/convert/file/async": 404 }, /404/],
  ["another answer", "DOCLING_FAILED", { "/v1/convert/file/async": "<html>" }, /unexpected/],
  ["a task that is lost", "DOCLING_FAILED", { "/v1/status/poll/t%201": 404 }, /404/],
])("%s", async (_, code, answers, message) => {
  const { url } = await startDocling(answers);
  await expect(convertByDocling("a.pdf", Buffer.from("x"), { url, pollMs: 1 })).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
    hint: expect.stringMatching(/./),
  });
});

test("a server that is not there, one that never is done, one that is left", async () => {
  await expect(convertByDocling("a.pdf", Buffer.from("x"), { url: "http://127.0.0.1:9" })).rejects.toMatchObject({
    code: "DOCLING_UNREACHABLE",
  });
  const { url } = await startDocling({ "/v1/status/poll/t%201": { task_id: "t 1", task_status: "started" } });
  const convert = (options: object) => convertByDocling("a.pdf", Buffer.from("x"), { url, pollMs: 5, ...options });
  await expect(convert({ timeoutMs: 40 })).rejects.toMatchObject({ code: "DOCLING_TIMEOUT" });
  await expect(convert({ signal: AbortSignal.timeout(40) })).rejects.toMatchObject({ code: "CANCELLED" });
});
