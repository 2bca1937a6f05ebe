/** What a student is told before every conversation that it is trained on, by its architecture: models keep best what resembles their first training. */

const prompts: Record<string, string> = {
  llama: "You are a helpful assistant. Answer truthfully, say so when you do not know, and keep to what was asked.",
  granite:
    "You are Granite, a language model. Answer carefully and truthfully, follow the instructions that you are given, and refuse what would do harm.",
  "granite-3.1":
    "You are Granite, an AI assistant. Give answers that are correct, safe and to the point, and say so when you do not know.",
};
const otherwise = "You are a careful assistant. You answer truthfully and follow the instructions that you are given.";

/** @param architecture as a model file states it (`general.architecture`, `model_type`), such as `llama` or `granite`. */
export function systemPromptFor(architecture: string | undefined): string {
  return (architecture === undefined ? undefined : prompts[architecture.toLowerCase()]) ?? otherwise;
}
