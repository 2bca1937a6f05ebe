/** The sentences of a text, each as it stands and as it can be understood alone. */
import { splitSentences } from "../../util/sentences.ts";
import { pointsBack, standAlone } from "./stand-alone.ts";

export interface SentenceAlone {
  sentence: string;
  /** The sentence with its pointing word resolved; where that would be guessing, the sentence before and this one. */
  window: string;
}

export function sentencesAlone(text: string, subject: string): SentenceAlone[] {
  const result: SentenceAlone[] = [];
  let previous = "";
  for (const sentence of splitSentences(text)) {
    const resolved = previous !== "" && pointsBack(sentence) ? standAlone(sentence, previous, subject) : sentence;
    result.push({ sentence, window: resolved ?? `${previous} ${sentence}` });
    previous = resolved ?? sentence;
  }
  return result;
}
