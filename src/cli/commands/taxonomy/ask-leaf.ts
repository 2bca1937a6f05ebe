/** The questions of `ilab taxonomy new`: only what the flags left open. */
import type { NewLeaf } from "../../../taxonomy/write-new-leaf.ts";
import { CancelledError } from "../../../util/errors.ts";
import type { NewOptions } from "./new.ts";

const EXAMPLES = 5;
const PAIRS = 3;

export interface AskLeafOptions {
  seedExamples: unknown[] | undefined;
  signal: AbortSignal;
  /** Why no leaf can be written at a path. */
  refusal: (path: string) => string | undefined;
}

/** Throws `CancelledError`; examples that were answered until then are kept in a file, which the message names. */
export async function askLeaf(
  path: string | undefined,
  options: NewOptions,
  { seedExamples, signal, refusal }: AskLeafOptions,
): Promise<Partial<NewLeaf>> {
  const { select, text } = await import("@clack/prompts");
  const output = process.stderr;
  const done = (answer: string | symbol): string => {
    if (typeof answer === "string") return answer;
    throw new CancelledError();
  };
  const ask = async (
    message: string,
    given?: string,
    placeholder?: string,
    objection: (answer: string) => string | undefined = () => undefined,
  ): Promise<string> => {
    if (given !== undefined) return given;
    const validate = (answer = "") => (answer.trim() === "" ? "Please write something." : objection(answer.trim()));
    return done(await text({ message, placeholder, validate, output, signal })).trim();
  };
  const choose = async (message: string, choices: readonly (readonly [string, string])[]): Promise<string> => {
    const list = choices.map(([value, label]) => ({ value, label }));
    return done(await select({ message, options: list, output, signal }));
  };

  let place = path;
  if (place === undefined) {
    const kinds = [
      ["knowledge", "facts that the model shall know"],
      ["compositional_skills", "something that it shall be able to do"],
    ] as const;
    const kind = await choose("What shall the model learn?", kinds);
    const below = (answer: string) => `${kind}/${answer}`;
    place = below(await ask("Where in the taxonomy?", undefined, "geography/merrowby", (at) => refusal(below(at))));
  }
  const isKnowledge = place.startsWith("knowledge");
  const createdBy = await ask("Your name", options.createdBy);
  const attribution = {
    title: await ask("Title of the work that the text is from", options.title),
    link: await ask("Where is it?", options.link ?? options.repo),
    licence: options.licence,
    creators: options.creators ?? createdBy,
  };
  const leaf: Partial<NewLeaf> = { path: place, createdBy, attribution };
  if (isKnowledge) {
    leaf.domain = await ask("Its subject", options.domain, "geography");
    leaf.documentOutline = await ask("What are the documents about, in a line?", options.documentOutline);
    const patterns = options.pattern ?? ["*.md"];
    if (options.folder !== undefined) leaf.document = { folder: options.folder, patterns };
    else {
      const repo = await ask("Git repository of the documents", options.repo, "https://example.org/documents.git");
      leaf.document = { repo, commit: await ask("Its commit", options.commit), patterns };
    }
  } else leaf.taskDescription = await ask("What shall the model be able to do?", options.taskDescription);

  if (seedExamples !== undefined) return leaf;
  const questions = new Set<string>();
  const askPair = async (name: string) => {
    const isKnown = (text: string) => (questions.has(text) ? "You asked that already." : undefined);
    const question = await ask(`${name}: question`, undefined, undefined, isKnown);
    questions.add(question);
    return { question, answer: await ask(`${name}: answer`) };
  };
  const isGrounded = !isKnowledge && (await choose("Do the examples have a text to answer from?", yesNo)) === "yes";
  const made: unknown[] = [];
  try {
    await askExamples();
  } catch (error) {
    if (!(error instanceof CancelledError) || made.length === 0) throw error;
    throw new CancelledError(
      `cancelled; the ${made.length === 1 ? "example" : `${made.length} examples`} that you finished: ${await keepExamples(made)}`,
    );
  }
  return { ...leaf, seedExamples: made };

  async function askExamples(): Promise<void> {
    for (let number = 1; number <= EXAMPLES; number++) {
      const name = `Example ${number} of ${EXAMPLES}`;
      if (!isKnowledge) {
        const context = isGrounded ? { context: await ask(`${name}: the text`) } : {};
        made.push({ ...context, ...(await askPair(name)) });
        continue;
      }
      const context = await ask(`${name}: a passage of the document, word for word`);
      const pairs: unknown[] = [];
      for (let count = 1; count <= PAIRS; count++) pairs.push(await askPair(`${name}, pair ${count} of ${PAIRS}`));
      made.push({ context, questions_and_answers: pairs });
    }
  }
}

/** Answers are never lost: `--examples` takes the file. Gives its path, in the working directory. */
export async function keepExamples(examples: readonly unknown[]): Promise<string> {
  const { writeFile } = await import("node:fs/promises");
  const { resolve } = await import("node:path");
  for (let number = 1; ; number++) {
    const file = resolve(`examples${number === 1 ? "" : `-${number}`}.json`);
    try {
      await writeFile(file, `${JSON.stringify(examples, undefined, 2)}\n`, { flag: "wx" });
      return file;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

const yesNo = [
  ["no", "no"],
  ["yes", "yes"],
] as const;
