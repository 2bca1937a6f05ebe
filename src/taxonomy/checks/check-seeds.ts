/** What a schema cannot say about seed examples: mixed kinds, blank texts, too many words, repeated questions. All warnings. */
import type { LeafNode } from "../../artifacts.ts";
import { wordsOf } from "../normalise-question.ts";
import type { PositionedValue } from "../parse-yaml.ts";
import { type Problem, warning, type YamlPath } from "../problem.ts";

/** The limits that upstream's guide for contributors gives. */
const MAX_WORDS_OF_CONTEXT = 500;
const MAX_WORDS_OF_PAIRS = 250;
const MAX_WORDS_OF_SKILL = 2300;
/** Of the words of two questions, the share that both have. */
const NEAR_DUPLICATE_SHARE = 0.85;
/** Every two questions are compared; beyond this many it takes too long to be done at every keystroke. */
const MAX_COMPARED = 200;

export function checkSeeds(leaf: LeafNode, yaml: PositionedValue): Problem[] {
  const texts = textsOf(leaf);
  return [
    ...mixedContexts(leaf, yaml),
    ...texts
      .filter(({ text }) => text.trim() === "")
      .map(({ path }) =>
        warning("empty-text", `'${path.at(-1)}' holds nothing but blanks`, "Write the text.", yaml.locate(path), path),
      ),
    ...tooManyWords(leaf, yaml),
    ...repeatedQuestions(
      texts.filter(({ path }) => path.at(-1) === "question"),
      yaml,
    ),
  ];
}

/** Every text of the seed examples with its place. */
export function textsOf({ kind, seedExamples }: LeafNode): { text: string; path: YamlPath }[] {
  return seedExamples.flatMap(({ context, pairs }, index) => {
    const base = ["seed_examples", index];
    return [
      ...(context === undefined ? [] : [{ text: context, path: [...base, "context"] }]),
      ...pairs.flatMap(({ question, answer }, pairIndex) => {
        const inPair = kind === "knowledge" ? [...base, "questions_and_answers", pairIndex] : base;
        return [
          { text: question, path: [...inPair, "question"] },
          { text: answer, path: [...inPair, "answer"] },
        ];
      }),
    ];
  });
}

/** A skill is asked with a context or without one; a leaf of both kinds cannot be generated from as a whole. */
function mixedContexts({ kind, seedExamples }: LeafNode, yaml: PositionedValue): Problem[] {
  const without = seedExamples.flatMap(({ context }, index) => (context === undefined ? [index] : []));
  if (kind === "knowledge" || without.length === 0 || without.length === seedExamples.length) return [];
  const path = ["seed_examples", without[0]!];
  const message = `${without.length} of ${seedExamples.length} seed examples have no context, the others have one`;
  const hint = "Give every example a context, or none; move the others to a leaf of their own.";
  return [warning("mixed-contexts", message, hint, yaml.locate(path), path)];
}

const countWords = (...texts: string[]) => texts.reduce((sum, text) => sum + (text.match(/\S+/g)?.length ?? 0), 0);

function tooManyWords({ kind, seedExamples }: LeafNode, yaml: PositionedValue): Problem[] {
  const tell = (what: string, words: number, limit: number, path: YamlPath) =>
    words <= limit
      ? []
      : [
          warning(
            "too-many-words",
            `${what} has ${words} words; the limit is ${limit}`,
            "Shorten it, or spread it over several leaves.",
            yaml.locate(path),
            path,
          ),
        ];
  const wordsOfPairs = (pairs: LeafNode["seedExamples"][number]["pairs"]) =>
    pairs.reduce((sum, { question, answer }) => sum + countWords(question, answer), 0);
  if (kind !== "knowledge") {
    const all = seedExamples.reduce((sum, { pairs }) => sum + wordsOfPairs(pairs), 0);
    return tell("all questions and answers together", all, MAX_WORDS_OF_SKILL, ["seed_examples"]);
  }
  return seedExamples.flatMap(({ context = "", pairs }, index) => [
    ...tell("the context", countWords(context), MAX_WORDS_OF_CONTEXT, ["seed_examples", index, "context"]),
    ...tell("what is asked about this context", wordsOfPairs(pairs), MAX_WORDS_OF_PAIRS, [
      ...["seed_examples", index, "questions_and_answers"],
    ]),
  ]);
}

function repeatedQuestions(questions: { text: string; path: YamlPath }[], yaml: PositionedValue): Problem[] {
  const problems: Problem[] = [];
  const seen: { words: Set<string>; key: string; line: number }[] = [];
  for (const { text, path } of questions.slice(0, MAX_COMPARED)) {
    const list = wordsOf(text);
    const key = list.join(" ");
    const words = new Set(list);
    const position = yaml.locate(path);
    const same = seen.find((one) => one.key === key);
    const near = same ?? seen.find((one) => sharedWords(one.words, words) >= NEAR_DUPLICATE_SHARE);
    seen.push({ words, key, line: position.line });
    // In a skill with contexts the same question is asked of each of them.
    const isAskedOfContext = path.length === 3 && hasContext(yaml, path);
    if (near === undefined || key === "" || isAskedOfContext) continue;
    const [code, word] =
      same === undefined ? ["near-duplicate-seed", "nearly the same"] : ["duplicate-seed", "the same"];
    problems.push(
      warning(
        code!,
        `this is ${word} question as on line ${near.line}`,
        "Ask for something else: what is learned comes from differences.",
        position,
        path,
      ),
    );
  }
  return problems;
}

function hasContext(yaml: PositionedValue, path: YamlPath): boolean {
  const examples = (yaml.value as { seed_examples: { context?: string }[] }).seed_examples;
  return examples[path[1] as number]?.context !== undefined;
}

function sharedWords(a: Set<string>, b: Set<string>): number {
  // Short questions differ by the one word that matters.
  if (Math.min(a.size, b.size) < 6 || Math.min(a.size, b.size) < NEAR_DUPLICATE_SHARE * Math.max(a.size, b.size))
    return 0;
  let shared = 0;
  for (const word of a) if (b.has(word)) shared += 1;
  return shared / (a.size + b.size - shared);
}
