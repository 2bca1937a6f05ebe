/** Adds, for every name, number and closing word of a sentence that no answer holds so far, the sentence with a gap in its place. */
import { z } from "zod";
import type { Row } from "../../artifacts.ts";
import { type Block, cellText, defineBlock, withColumns } from "../block.ts";
import { leafSentences } from "../text/leaf-sentences.ts";
import { functionWords, numberWords, timeWords } from "../text/word-tables.ts";
import { contentStems, namesIn } from "../text/words.ts";

const configSchema = z.strictObject({
  /** Wordings with `{sentence}` and perhaps `{name}`, the document's subject, in them; taken in turn. */
  wordings: z.array(z.string().includes("{sentence}")).min(1),
  gap: z.string().min(1).default("___"),
  /** Gaps per sentence. */
  per_sentence: z.number().int().positive().default(4),
});

export const gapQuestionBlock = defineBlock<z.infer<typeof configSchema>>({
  type: "GapQuestionBlock",
  summary: "adds sentences with a gap for what no answer holds yet",
  configSchema,
  async create(config): Promise<Block> {
    return {
      inputColumns: ["question", "response", "sentence"],
      outputColumns: (columns) =>
        withColumns(columns, "window", "document", "dataset_type", "leaf_node_type", "leaf_node_path", "domain"),
      async run(rows, { seeds }) {
        const { leaf } = seeds;
        const common = { leaf_node_type: leaf.kind, leaf_node_path: leaf.taxonomyPath, domain: leaf.domain ?? "" };
        const answered = answeredStems(rows);
        let turn = 0;
        const added = leafSentences(seeds).flatMap(({ sentence, window, document, whole, subject }): Row[] => {
          const known = answered.get(sentence) ?? new Set();
          const open = factsOf(window, whole)
            .filter(
              (fact) =>
                fact !== subject.name &&
                !subject.nouns.includes(fact) &&
                [...contentStems(fact)].some((stem) => !known.has(stem)),
            )
            .slice(0, config.per_sentence);
          return open.map((fact) => {
            const gapped = window.replace(fact, () => config.gap);
            const question = config.wordings[turn++ % config.wordings.length]!.replace(
              "{name}",
              () => subject.name,
            ).replace("{sentence}", () => gapped);
            return { ...common, document, sentence, window, question, response: fact, dataset_type: "gap" };
          });
        });
        return [...rows, ...added];
      },
    };
  },
});

/** Stems that the answers about each sentence add to their questions. */
function answeredStems(rows: readonly Row[]): Map<string, Set<string>> {
  const result = new Map<string, Set<string>>();
  for (const row of rows) {
    const sentence = cellText(row, "sentence");
    const asked = contentStems(cellText(row, "question"));
    const stems = result.get(sentence) ?? new Set<string>();
    for (const stem of contentStems(cellText(row, "response"))) if (!asked.has(stem)) stems.add(stem);
    result.set(sentence, stems);
  }
  return result;
}

const counts = [...numberWords.keys()]
  .filter((word) => !/^(?:once|zero|first|second|third|fourth|fifth|half)$/.test(word))
  .join("|");
const numberPattern = new RegExp(
  `\\b(?:\\d[\\d.,]*(?<![.,])|(?:${counts})\\b)(?: (?!and |in |on |at |by |the |a |from |to |or |of )\\p{L}+)?`,
  "gu",
);

/** Names, numbers with what they count, and the words that each clause closes with; none inside another. */
function factsOf(sentence: string, whole: string): string[] {
  const numbers = [...sentence.matchAll(numberPattern)].map(([fact]) => fact.replace(/ (?:only|later)$/, ""));
  const closing = sentence
    .split(/[,;:.!?](?:\s|$)|\s(?:and|but|which|who|because|so)\s/)
    .map((clause) => closingWords(clause.trim()))
    // A single common word of time ("year") closes many clauses and says little.
    .filter((words) => words !== "" && !timeWords.has(words.toLowerCase()));
  const facts = [...new Set([...namesIn(sentence, whole), ...numbers, ...closing])].filter((fact) =>
    sentence.includes(fact),
  );
  return facts.filter((fact) => !facts.some((other) => other !== fact && other.includes(fact)));
}

/** The last one to three words of a clause behind its last function word. */
function closingWords(clause: string): string {
  const words = clause.split(" ");
  const run: string[] = [];
  for (let index = words.length - 1; index > 0 && run.length < 3; index--) {
    if (functionWords.has(words[index]!.toLowerCase())) break;
    run.unshift(words[index]!);
  }
  return run.join(" ");
}
