/**
 * The forms in which model families take a prompt, for teachers that are asked through raw completions. Only control tokens; a begin token is
 * left out, because servers put it there themselves.
 */
import type { Prompt } from "../../llm/language-model.ts";
import { didYouMean, pipelineError } from "./read-yaml-file.ts";
import { readTemplate } from "./template.ts";

const granite = (text: string) => `<|user|>\n${text}\n<|assistant|>\n`;
const mistral = (text: string) => `[INST] ${text} [/INST]`;

export const promptFamilies: Record<string, (text: string) => string> = {
  blank: (text) => text,
  granite,
  merlinite: granite,
  mistral,
  mixtral: mistral,
  llama: (text) =>
    `<|start_header_id|>user<|end_header_id|>\n\n${text}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n`,
};

const BEGIN_TOKEN = /^\s*(?:<s>|<\|begin_of_text\|>|<\|startoftext\|>|<bos>)\s*/;

export interface PromptForm {
  /** Known to pipeline files as `model_family`. */
  family?: string;
  /** Jinja with `prompt` or `messages`; empty sends the prompt as it stands. */
  template?: string;
}

/** How a prompt's text becomes a request: without family and template, a message that the teacher's own chat template wraps. Throws `BAD_PIPELINE`. */
export function promptForm({ family, template }: PromptForm, place: string): (text: string) => Prompt {
  if (template === "") return (text) => ({ text });
  if (template !== undefined) {
    // "{prompt}" is how older files of upstream write it.
    const wrapper = readTemplate(
      template.replace(/(?<!\{)\{prompt\}(?!\})/g, "{{ prompt }}"),
      `${place}: model_prompt`,
    );
    const unknown = wrapper.names.find((name) => !["prompt", "messages", "add_generation_prompt"].includes(name));
    if (unknown !== undefined)
      throw pipelineError(`${place}: model_prompt: '${unknown}' is neither 'prompt' nor 'messages'`);
    if (!wrapper.names.includes("prompt") && !wrapper.names.includes("messages"))
      throw pipelineError(`${place}: model_prompt holds neither {{ prompt }} nor {{ messages }}`);
    return (prompt) => {
      const messages = [{ role: "user", content: prompt }];
      return { text: wrapper.render({ prompt, messages, add_generation_prompt: true }).replace(BEGIN_TOKEN, "") };
    };
  }
  if (family === undefined) return (text) => ({ messages: [{ role: "user", content: text }] });
  const wrap = Object.hasOwn(promptFamilies, family.toLowerCase()) ? promptFamilies[family.toLowerCase()] : undefined;
  if (wrap === undefined)
    throw pipelineError(
      `${place}: unknown model family '${family}'${didYouMean(family, Object.keys(promptFamilies))}`,
      `Known families: ${Object.keys(promptFamilies).join(", ")}. Without one, the teacher's own chat template is used.`,
    );
  return (text) => ({ text: wrap(text) });
}
