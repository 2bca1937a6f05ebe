/** Question after question at a terminal, or from a pipe. Lines that begin with `/` are commands. */
import { createInterface } from "node:readline";
import { IlabError } from "../util/errors.ts";
import type { ChatSession } from "./chat-session.ts";

export interface ReplOptions {
  input: NodeJS.ReadableStream;
  output: NodeJS.WritableStream;
  /** Greeting and prompt; without it only answers are written. */
  isDecorated: boolean;
  modelName: string;
  /** Asked before the first line is read. */
  firstQuestion?: string;
  /** Ends the chat. */
  signal?: AbortSignal;
}

const help = `  /h          this help
  /n          new chat: the model forgets what was said
  /q          quit (also: quit, exit, Ctrl-D)
  Ctrl-C      stop an answer; at the prompt: quit
`;

/** Returns when the user leaves. A question that fails is reported, and the chat goes on. */
export async function runRepl(session: ChatSession, options: ReplOptions): Promise<void> {
  const { input, output, isDecorated, signal } = options;
  const isTerminal = Boolean((input as NodeJS.ReadStream).isTTY && (output as NodeJS.WriteStream).isTTY);
  const lines = createInterface({
    input,
    output: isTerminal ? output : undefined,
    terminal: isTerminal,
    prompt: isDecorated ? ">>> " : "",
  });
  // Taken before the first answer: lines that come meanwhile would be lost otherwise.
  const typed = lines[Symbol.asyncIterator]();
  let answering: AbortController | undefined;
  const leave = () => lines.close();
  lines.on("SIGINT", () => (answering ? answering.abort() : leave()));
  const stopAll = () => {
    answering?.abort();
    leave();
  };
  signal?.addEventListener("abort", stopAll, { once: true });

  const answer = async (question: string): Promise<void> => {
    answering = new AbortController();
    try {
      for await (const piece of session.ask(question, answering.signal)) output.write(piece);
    } catch (error) {
      if (!(error instanceof IlabError)) throw error;
      output.write(
        error.code === "CANCELLED" ? " [stopped]" : `[${error.message}${error.hint ? ` ${error.hint}` : ""}]`,
      );
    } finally {
      answering = undefined;
    }
    output.write(isDecorated ? "\n\n" : "\n");
  };
  const prompt = () => {
    if (isDecorated && isTerminal) lines.prompt();
  };

  try {
    if (signal?.aborted) return;
    if (isDecorated) output.write(`Chatting with ${options.modelName}. /h for help, /q to quit.\n\n`);
    if (options.firstQuestion !== undefined) await answer(options.firstQuestion);
    prompt();
    for await (const line of typed) {
      const text = line.trim();
      const command = text.split(/\s+/)[0]!.toLowerCase();
      if (command === "/q" || text.toLowerCase() === "quit" || text.toLowerCase() === "exit") break;
      if (command === "/h") output.write(help);
      else if (command === "/n") {
        session.reset();
        output.write("A new chat.\n");
      } else if (command.startsWith("/")) output.write(`There is no command ${command}. /h lists them.\n`);
      else if (text !== "") await answer(text);
      if (signal?.aborted) break;
      prompt();
    }
  } finally {
    signal?.removeEventListener("abort", stopAll);
    lines.close();
    if (isDecorated && isTerminal) output.write("\n");
  }
}
