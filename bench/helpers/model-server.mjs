/**
 * A model server for benchmarks, as a process of its own: `node model-server.mjs DELAY_MS`. It answers every prompt of the `full` pipeline in the form
 * that the prompt asks for, after the delay, and prints its port. GET /count gives the number of prompts answered.
 */
import { createHash } from "node:crypto";
import { createServer } from "node:http";

const delayMs = Number(process.argv[2] ?? 0);
let count = 0;

/** @param {string} prompt */
function answer(prompt) {
  const id = createHash("sha256").update(prompt).digest("hex").slice(0, 12);
  if (prompt.includes("[ANSWER]"))
    return [1, 2, 3]
      .map((n) => `[QUESTION]\nWhat is ${id} ${n}?\n[ANSWER]\nIt is fact ${n} of ${id}.\n[END]`)
      .join("\n\n");
  if (prompt.includes("[Start of Score]"))
    return "[Start of Feedback]\nIt answers.\n[End of Feedback]\n[Start of Score]\n2\n[End of Score]";
  if (prompt.includes("[Start of Rating]"))
    return "[Start of Explanation]\nIt stands alone.\n[End of Explanation]\n[Start of Rating]\n1\n[End of Rating]";
  if (prompt.includes("[Start of Answer]") && prompt.includes("[Start of Explanation]"))
    return "[Start of Explanation]\nThe document says so.\n[End of Explanation]\n[Start of Answer]\nYES\n[End of Answer]";
  if (prompt.includes("[Start of Question]"))
    return `[Start of Question]\nWhich is ${id}?\nA) one\nB) two\nC) three\nD) four\n[End of Question]\n[Start of Answer]\nB) two\n[End of Answer]`;
  return `Corrected text ${id}. It says what the document says.`;
}

const server = createServer(async (request, response) => {
  let text = "";
  for await (const chunk of request) text += chunk;
  const send = (/** @type {unknown} */ value) => {
    const body = JSON.stringify(value);
    response
      .writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) })
      .end(body);
  };
  if (request.url === "/count") return send({ count });
  if (request.method === "GET") return send({ data: [{ id: "bench" }] });
  const { messages, prompt } = JSON.parse(text);
  const prompts = messages === undefined ? [prompt].flat() : [messages.at(-1).content];
  count += prompts.length;
  if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
  const choices = prompts.map((one, index) => {
    const content = answer(one);
    return { index, text: content, message: { role: "assistant", content }, finish_reason: "stop" };
  });
  send({ choices, usage: { prompt_tokens: 400 * prompts.length, completion_tokens: 80 * prompts.length } });
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
