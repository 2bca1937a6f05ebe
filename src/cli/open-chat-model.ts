/** The model that `ilab model chat` talks to: behind a server when one is named, else from this machine. */
import { findStudent } from "../llm/find-student.ts";
import type { LanguageModel } from "../llm/language-model.ts";
import { defaultContextTokens, openLocalModel } from "../llm/local-model.ts";
import { UsageError } from "../util/errors.ts";
import type { CommandContext } from "./command.ts";
import { type EndpointOptions, openEndpoint } from "./endpoint-flags.ts";
import { ensureModel } from "./ensure-model.ts";

export interface ChatModelOptions extends EndpointOptions {
  model?: string;
  baseModel?: string;
  adapterFile?: string;
  defaultModel: string;
  maxTokens: number;
}

export async function openChatModel(
  context: CommandContext,
  options: ChatModelOptions,
): Promise<{ model: LanguageModel; name: string }> {
  const { signal } = context;
  const { endpointUrl, adapterFile, baseModel } = options;
  if (endpointUrl !== undefined) {
    if (adapterFile !== undefined)
      throw new UsageError("--adapter-file works with a model on this machine only", "Leave out --endpoint-url.");
    const model = await openEndpoint({ ...options, endpointUrl }, options.model, signal);
    return { model, name: model.id };
  }
  const student = await findStudent(options.model ?? options.defaultModel, {
    resolveModel: (nameOrPath) => ensureModel(context, nameOrPath),
    baseModel,
    adapterFile,
  });
  const model = await openLocalModel({
    file: student.modelFile,
    adapterFile: student.adapterFile,
    // One conversation at a time; room for the answer beside what was said.
    sequences: 1,
    contextTokens: Math.max(2 * defaultContextTokens, 2 * options.maxTokens),
    signal,
  });
  return { model, name: student.name };
}
