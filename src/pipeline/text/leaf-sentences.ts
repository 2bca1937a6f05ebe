/** Every sentence of a leaf's documents with its surroundings; for blocks that add rows of their own. */
import type { LeafSeeds } from "../../artifacts.ts";
import { plainText } from "../../util/sentences.ts";
import { type SentenceAlone, sentencesAlone } from "./sentences-alone.ts";
import { type Subject, subjectOf } from "./subject-of.ts";

export interface LeafSentence extends SentenceAlone {
  /** Plain text of the piece that the sentence is in. */
  document: string;
  /** Plain text of the whole document. */
  whole: string;
  subject: Subject;
}

export function leafSentences({ chunks }: LeafSeeds): LeafSentence[] {
  const result: LeafSentence[] = [];
  for (const source of new Set(chunks.map((chunk) => chunk.source))) {
    const own = chunks.filter((chunk) => chunk.source === source);
    const texts = own.map((chunk) => plainText(chunk.text));
    const whole = texts.join("\n\n");
    const subject = subjectOf(own[0]?.headings[0] ?? "", whole);
    for (const document of texts)
      for (const piece of sentencesAlone(document, subject.name)) result.push({ ...piece, document, whole, subject });
  }
  return result;
}
