/** Stands where a model is expected but nothing is going to be asked. */
import { IlabError } from "../util/errors.ts";
import type { LanguageModel } from "./language-model.ts";

/** Whatever is asked of it throws `NO_MODEL`. */
export function absentModel(): LanguageModel {
  const refuse = (): never => {
    throw new IlabError({
      code: "NO_MODEL",
      message: "a model was asked, though none was expected to be",
      hint: "This is a mistake in the program: please report it with the command that led here.",
    });
  };
  return {
    id: "none",
    identity: "none",
    concurrency: 1,
    generate: async () => refuse(),
    // biome-ignore lint/correctness/useYield: it never gets that far.
    async *stream() {
      refuse();
    },
    score: async () => refuse(),
    embed: async () => refuse(),
    [Symbol.asyncDispose]: async () => {},
  };
}
