import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { scriptedModel } from "../llm/scripted-model.ts";
import { IlabError } from "../util/errors.ts";
import { createChatSession } from "./chat-session.ts";
import { runRepl } from "./run-repl.ts";

const settings = { maxTokens: 50, temperature: 0 };

async function chat(
  model: ReturnType<typeof scriptedModel>,
  typed: string,
  more: Partial<Parameters<typeof runRepl>[1]> = {},
): Promise<{ text: string; session: ReturnType<typeof createChatSession> }> {
  const input = new PassThrough();
  const output = new PassThrough();
  let text = "";
  output.on("data", (piece) => {
    text += piece;
  });
  input.end(typed);
  const session = createChatSession(model, settings);
  await runRepl(session, { input, output, isDecorated: false, modelName: "m", ...more });
  return { text, session };
}

const rest = (prompt: object) => ("messages" in prompt ? (prompt.messages as object[]).slice(1) : []);

test("every question carries the conversation so far", async () => {
  const model = scriptedModel(["Hello.", "You said hi."]);
  const { text, session } = await chat(model, "hi\n\nwhat did I say?\n/q\nnever read\n");
  expect(text).toBe("Hello.\nYou said hi.\n");
  expect(model.requests[1]!.prompt).toEqual({
    messages: [
      { role: "user", content: "hi" },
      { role: "assistant", content: "Hello." },
      { role: "user", content: "what did I say?" },
    ],
  });
  expect(session.messages).toHaveLength(4);
  expect(model.requests[0]).toMatchObject(settings);
});

test("/n forgets, /h helps, an unknown command says so, quit leaves", async () => {
  const model = scriptedModel(["one", "two"]);
  const { text } = await chat(model, "a\n/N\nb\n/h\n/x\nquit\nc\n");
  expect(model.requests).toHaveLength(2);
  expect(model.requests[1]!.prompt).toEqual({ messages: [{ role: "user", content: "b" }] });
  expect(text).toContain("Ctrl-C");
  expect(text).toContain("There is no command /x");
});

test("the end of input leaves; the first question may come with the command", async () => {
  const { text } = await chat(scriptedModel(["first", "second"]), "x", { firstQuestion: "q", isDecorated: true });
  expect(text).toBe("Chatting with m. /h for help, /q to quit.\n\nfirst\n\nsecond\n\n");
});

test("a question that fails is reported and forgotten; the chat goes on", async () => {
  let count = 0;
  const model = scriptedModel(() => {
    count += 1;
    if (count === 1) throw new IlabError({ code: "X", message: "the server is away", hint: "Wait." });
    return "here again";
  });
  const { text, session } = await chat(model, "a\nb\n");
  expect(text).toBe("[the server is away Wait.]\nhere again\n");
  expect(session.messages.map(({ content }) => content)).toEqual(["b", "here again"]);
});

test("when the context is full, the oldest turns go", async () => {
  const model = scriptedModel(({ prompt }) => {
    if ("messages" in prompt && prompt.messages.length > 3)
      throw new IlabError({ code: "CONTEXT_EXCEEDED", message: "full" });
    return "ok";
  });
  const { text, session } = await chat(model, "1\n2\n3\n4\n");
  expect(text).toBe("ok\nok\nok\nok\n");
  expect(session.messages.map(({ content }) => content)).toEqual(["3", "ok", "4", "ok"]);
  // A conversation always begins with a question.
  for (const { prompt } of model.requests)
    expect(prompt).toMatchObject({ messages: [{ role: "user" }, ...rest(prompt)] });
});

test("the signal stops an answer in its middle and ends the chat", async () => {
  const controller = new AbortController();
  const model = scriptedModel(() => "word ".repeat(200), { delayMs: 5 });
  setTimeout(() => controller.abort(), 60);
  const { text, session } = await chat(model, "go\nnever\n", { signal: controller.signal });
  expect(text).toMatch(/word \[stopped\]\n$|word +\[stopped\]\n$/);
  expect(model.requests).toHaveLength(1);
  expect(session.messages).toHaveLength(2);
});
