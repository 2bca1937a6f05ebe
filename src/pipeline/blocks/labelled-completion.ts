/**
 * For skills whose answers come from a fixed set: asks for questions to a given answer, because a small teacher that is let loose writes
 * answers outside the set. Each question is answered again by the teacher, and kept only when the same answer comes back.
 */
import { z } from "zod";
import type { Row } from "../../artifacts.ts";
import { type Block, defineBlock, withColumns } from "../block.ts";
import { mapRows } from "../map-rows.ts";
import { fixedAnswers } from "../text/fixed-answers.ts";

const configSchema = z.strictObject({
  /** First words of what varies in the questions; one request each per answer. */
  openers: z.array(z.string()).min(1),
  max_tokens: z.number().int().positive().default(48),
});

/** Of a question that goes on with a few words, and of an answer out of a few; for estimates. */
const LIKELY_TOKENS = 12;

interface Seed {
  question: string;
  answer: string;
}

export const labelledCompletionBlock = defineBlock<z.infer<typeof configSchema>>({
  type: "LabelledCompletionBlock",
  asks: true,
  summary: "adds questions to each of the leaf's fixed answers; adds nothing where answers are free",
  configSchema,
  async create({ openers, max_tokens }): Promise<Block> {
    return {
      inputColumns: [],
      outputColumns: (columns) =>
        withColumns(columns, "question", "response", "dataset_type", "leaf_node_type", "leaf_node_path"),
      async run(rows, context) {
        const { leaf } = context.seeds;
        const seeds = leaf.seedExamples.flatMap(({ pairs }) =>
          pairs.map(({ question, answer }) => ({ question: question.trim(), answer: answer.trim() })),
        );
        const labels = fixedAnswers(seeds.map(({ answer }) => answer));
        if (labels === undefined || seeds.some(({ question }) => question.includes("\n"))) return [...rows];
        const { before, after } = frame(seeds.map(({ question }) => question));
        const tasks = [...labels].flatMap((label) =>
          openers.map(
            (opener): Row => ({
              leaf_node_type: leaf.kind,
              leaf_node_path: leaf.name,
              response: label,
              opener,
              dataset_type: "qa",
            }),
          ),
        );
        const made = await mapRows(tasks, context, async ({ opener, ...row }) => {
          const label = String(row["response"]);
          const ordered = [
            ...seeds.filter(({ answer }) => answer !== label),
            ...seeds.filter(({ answer }) => answer === label),
          ];
          const start = `${before}${opener}`;
          const answer = await context.ask({
            prompt: { text: `${ordered.map(answerFirst).join("\n\n")}\n\nAnswer: ${label}\nQuestion: ${start}` },
            maxTokens: max_tokens,
            temperature: 0,
            stop: ["\n"],
            expectedTokens: LIKELY_TOKENS,
          });
          const question = answer.isImagined ? answer.text : `${start}${answer.text}`.trim();
          if (!answer.isImagined && (!question.endsWith(after) || question.length <= start.length + after.length)) {
            context.drop({ ...row, question }, "the question has not the seeds' form");
            return [];
          }
          const check = await context.ask({
            prompt: { text: `${seeds.map(questionFirst).join("\n\n")}\n\nQuestion: ${question}\nAnswer:` },
            maxTokens: max_tokens,
            temperature: 0,
            stop: ["\n"],
            expectedTokens: LIKELY_TOKENS,
          });
          if (check.isImagined || check.text.trim() === label) return [{ ...row, question }];
          context.drop({ ...row, question }, "the teacher itself answers otherwise");
          return [];
        });
        return [...rows, ...made];
      },
    };
  },
});

const answerFirst = ({ question, answer }: Seed) => `Answer: ${answer}\nQuestion: ${question}`;
const questionFirst = ({ question, answer }: Seed) => `Question: ${question}\nAnswer: ${answer}`;

/** What all questions begin and end with; the beginning ends between words. */
function frame(questions: readonly string[]): { before: string; after: string } {
  const first = questions[0] ?? "";
  let head = 0;
  while (head < first.length && questions.every((question) => question[head] === first[head])) head += 1;
  const before = first.slice(0, head).replace(/[\p{L}\p{N}]+$/u, "");
  let tail = 0;
  while (tail < first.length - head && questions.every((question) => question.at(-1 - tail) === first.at(-1 - tail)))
    tail += 1;
  return { before, after: (first.slice(first.length - tail).match(/[^\p{L}\p{N}]*$/u) ?? [""])[0]! };
}
