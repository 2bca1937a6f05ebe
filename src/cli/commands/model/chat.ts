/** `ilab model chat`: one question or a conversation, with a local model, a tuned one, or a server. */
import { UsageError } from "../../../util/errors.ts";
import type { CommandContext, RegisterCommand } from "../../command.ts";
import { addEndpointFlags, type EndpointOptions } from "../../endpoint-flags.ts";
import { examples } from "../../examples.ts";

interface ChatOptions extends EndpointOptions {
  model?: string;
  baseModel?: string;
  adapterFile?: string;
  quickQuestion?: boolean;
  maxTokens?: string;
  temperature?: string;
  decoration: boolean;
}

export const register: RegisterCommand = (group, bind) => {
  const command = group
    .command("chat")
    .description("Talk to a model: the base, a trained one, or one behind a server.")
    .argument("[question...]", "first question")
    .option("-m, --model <model>", "name in the store, GGUF file, adapter, or directory of a training run")
    .option("--base-model <model>", "base of an adapter that was given as --model")
    .option("--adapter-file <file>", "LoRA adapter (GGUF) to put on --model")
    .option("--quick-question", "print the answer to the question and leave (also -qq)")
    .option("--max-tokens <number>", "longest answer, in tokens")
    .option("-t, --temperature <number>", "0 = always the likeliest word; up to 2")
    .option("--no-decoration", "print answers only, without greeting and prompt (also -nd)");
  addEndpointFlags(command)
    .addHelpText(
      "after",
      examples(
        'ilab model chat -qq "How high above sea level is Merrowby?"',
        'ilab model chat --model ./run -qq "How high above sea level is Merrowby?"',
        "ilab model chat --endpoint-url http://localhost:8000 --model my-model",
      ),
    )
    .action(bind(chat));
};

/** Short answers by default: small models ramble, and a context must hold several turns. */
const defaultMaxTokens = 512;

async function chat(context: CommandContext, options: ChatOptions, ...words: string[]): Promise<void> {
  const { reporter, signal, json, paths } = context;
  const question = words.join(" ").trim();
  if ((options.quickQuestion || json) && question === "")
    throw new UsageError("there is no question", 'Write it behind the option: ilab model chat -qq "..."');
  const { loadConfig } = await import("../../../config/load-config.ts");
  const config = (await loadConfig(paths)).chat;
  const maxTokens = numberOption("--max-tokens", options.maxTokens, 1, 1e6) ?? config.max_tokens ?? defaultMaxTokens;
  const temperature = numberOption("-t, --temperature", options.temperature, 0, 2) ?? config.temperature;
  if (!Number.isInteger(maxTokens)) throw new UsageError(`--max-tokens ${maxTokens} is not a whole number`);

  const { createChatSession } = await import("../../../chat/chat-session.ts");
  const { openChatModel } = await import("../../open-chat-model.ts");
  const { model, name } = await openChatModel(context, { ...options, defaultModel: config.model, maxTokens });
  try {
    const session = createChatSession(model, { maxTokens, temperature });
    if (options.quickQuestion || json) {
      let answer = "";
      const isLive = !json && process.stdout.isTTY === true;
      for await (const piece of session.ask(question, signal)) {
        answer += piece;
        if (isLive) process.stdout.write(piece);
      }
      reporter.print(isLive ? "" : answer.trim());
      reporter.result({ model: name, question, answer: answer.trim() });
      return;
    }
    const { runRepl } = await import("../../../chat/run-repl.ts");
    await runRepl(session, {
      input: process.stdin,
      output: process.stdout,
      isDecorated: options.decoration,
      modelName: name,
      firstQuestion: question === "" ? undefined : question,
      signal,
    });
  } finally {
    await model[Symbol.asyncDispose]();
  }
}

function numberOption(name: string, text: string | undefined, low: number, high: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === "" || !(value >= low && value <= high))
    throw new UsageError(`${name} ${text} is not a number from ${low} to ${high}`);
  return value;
}
