/** One `qna.yaml` (format version 3) with its `held_out.yaml` -> a leaf node, or everything that is wrong with it. */
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import type { DocumentSource, Issue, LeafKind, LeafNode, QuestionAnswer, SeedExample } from "../artifacts.ts";
import { checkDocument } from "./check-document.ts";
import { checkSchema, unknownField } from "./check-schema.ts";
import { HELD_OUT_FILE, LEAF_FILE, leafPathOf, type TaxonomyFolder } from "./leaf-path.ts";
import { type PositionedValue, parseYaml } from "./parse-yaml.ts";
import { type Problem, problem } from "./problem.ts";
import { readHeldOut } from "./read-held-out.ts";
import { readText } from "./read-text.ts";

/** Nobody reads more findings about one file; the number of the others is told. */
const MAX_PROBLEMS_PER_FILE = 50;

export interface ValidateLeafOptions {
  /** The taxonomy's root; without it the last `knowledge` or `compositional_skills` on the way to the file counts. */
  root?: string;
}

export interface ValidateLeafResult {
  /** Present when no issue is an error. */
  leaf?: LeafNode;
  issues: Issue[];
}

/** Never throws for what stands in the file or where it should stand: that is what the issues are for. */
export async function validateLeaf(file: string, { root }: ValidateLeafOptions = {}): Promise<ValidateLeafResult> {
  const issues: Issue[] = [];
  const add = (about: string, problems: Problem[]) => issues.push(...toIssues(about, problems));
  const { yaml, problems } = await readLeafFile(file);
  if (yaml === undefined) {
    add(file, problems);
    return { issues };
  }
  const { folder, parts } = leafPathOf(file, root);
  const leafFolder =
    folder ?? (isMapping(yaml.value) && "document" in yaml.value ? "knowledge" : "compositional_skills");
  const found = [...checkVersion(yaml, leafFolder)];
  if (found.length === 0) found.push(...checkSchema(leafFolder, yaml));
  let leaf: LeafNode | undefined;
  if (found.length === 0) {
    leaf = toLeaf(yaml.value as LeafContent, resolve(file), folder === undefined ? [leafFolder, ...parts] : parts);
    found.push(...checkContexts(yaml, leaf.seedExamples, leafFolder), ...extraPairFields(yaml));
    if (leaf.document !== undefined) found.push(...(await checkDocument(file, leaf.document, yaml)));
  }
  add(file, found);

  const heldOutFile = join(dirname(file), HELD_OUT_FILE);
  const seedQuestions = (leaf?.seedExamples ?? []).flatMap(({ pairs }) => pairs.map(({ question }) => question));
  const heldOut = await readHeldOut(heldOutFile, seedQuestions);
  add(heldOutFile, heldOut.problems);
  if (leaf === undefined || issues.some(({ severity }) => severity === "error")) return { issues };
  return { leaf: { ...leaf, heldOut: heldOut.questions }, issues };
}

async function readLeafFile(file: string): Promise<{ yaml?: PositionedValue; problems: Problem[] }> {
  const name = basename(file);
  const read = await readText(file);
  if ("problem" in read) return { problems: [read.problem] };
  if (name !== LEAF_FILE)
    return {
      problems: [
        problem(
          "wrong-file-name",
          `the file is named '${name}'; only '${LEAF_FILE}' is read`,
          `Rename it to ${LEAF_FILE}.`,
        ),
      ],
    };
  const parsed = parseYaml(read.text);
  if (parsed.yaml === undefined) return parsed;
  const { value } = parsed.yaml;
  if (value === null || value === undefined || value === "")
    return {
      problems: [
        problem("empty-file", "the file is empty", "Begin with 'version: 3'; docs/taxonomy.md shows a whole file."),
      ],
    };
  if (!isMapping(value))
    return {
      problems: [
        problem(
          "not-a-mapping",
          "the file must consist of lines of the form 'name: value'",
          "Begin with 'version: 3'; docs/taxonomy.md shows a whole file.",
        ),
      ],
    };
  return parsed;
}

function checkVersion(yaml: PositionedValue, folder: TaxonomyFolder): Problem[] {
  const version = (yaml.value as Record<string, unknown>)["version"];
  const path = ["version"];
  const at = (code: string, message: string, hint: string) => [problem(code, message, hint, yaml.locate(path), path)];
  if (version === 3) return [];
  if (version === undefined)
    return [
      problem(
        "missing-field",
        "'version' is missing",
        `Begin the file with 'version: 3'. ${changesSince(folder)}`,
        undefined,
        path,
      ),
    ];
  if (typeof version !== "number" || !Number.isInteger(version))
    return at(
      "wrong-type",
      `'version' must be the number 3, but is ${yaml.sourceOf(path) || "empty"}`,
      "Write 'version: 3'.",
    );
  if (version === 1 || version === 2)
    return at(
      "unsupported-version",
      `version ${version} of the format is too old; version 3 is read`,
      `Write 'version: 3'. ${changesSince(folder)}`,
    );
  return at(
    "unsupported-version",
    `version ${version} of the format is not known; version 3 is the newest`,
    "Write 'version: 3'.",
  );
}

function changesSince(folder: TaxonomyFolder): string {
  return folder === "knowledge"
    ? "Version 3 needs domain, document_outline and document, no task_description, and at least 5 seed examples, each with a context and 3 questions_and_answers."
    : "Version 3 needs created_by, task_description and at least 5 seed examples.";
}

/** What the schema has made sure of. */
interface LeafContent {
  created_by: string;
  domain?: string;
  document_outline?: string;
  task_description?: string;
  document?: DocumentSource;
  seed_examples: ({ context?: string } & (QuestionAnswer | { questions_and_answers: QuestionAnswer[] }))[];
}

function toLeaf(content: LeafContent, file: string, parts: string[]): LeafNode {
  const taxonomyPath = parts.join("->");
  const seedExamples = content.seed_examples.map((example): SeedExample => {
    const pairs = "questions_and_answers" in example ? example.questions_and_answers : [example];
    return {
      ...(example.context === undefined ? {} : { context: example.context }),
      pairs: pairs.map(({ question, answer }) => ({ question, answer })),
    };
  });
  const kind: LeafKind =
    content.document !== undefined
      ? "knowledge"
      : seedExamples.some(({ context }) => context !== undefined)
        ? "grounded_skill"
        : "freeform_skill";
  return {
    file,
    taxonomyPath,
    name: taxonomyPath.replaceAll("->", "_"),
    kind,
    createdBy: content.created_by,
    domain: content.domain,
    documentOutline: content.document_outline,
    taskDescription: content.task_description,
    seedExamples,
    document: content.document,
    heldOut: [],
  };
}

/** A skill is asked with a context or without one; a leaf of both kinds cannot be generated from. */
function checkContexts(yaml: PositionedValue, seedExamples: SeedExample[], folder: TaxonomyFolder): Problem[] {
  if (folder === "knowledge") return [];
  const without = seedExamples.flatMap(({ context }, index) => (context === undefined ? [index] : []));
  if (without.length === 0 || without.length === seedExamples.length) return [];
  const path = ["seed_examples", without[0]!];
  return [
    problem(
      "mixed-contexts",
      `${without.length} of ${seedExamples.length} seed examples have no context, the others have one`,
      "Give every example a context, or none; move the others to a leaf of their own.",
      yaml.locate(path),
      path,
    ),
  ];
}

/** Upstream lets unknown fields inside a pair of a knowledge leaf pass; they are ignored, so they are worth a warning. */
function extraPairFields(yaml: PositionedValue): Problem[] {
  const known = ["question", "answer"];
  const examples = (yaml.value as LeafContent).seed_examples;
  return examples.flatMap((example, index) =>
    ("questions_and_answers" in example ? example.questions_and_answers : []).flatMap((pair, pairIndex) =>
      Object.keys(pair)
        .filter((field) => !known.includes(field))
        .map((field): Problem => {
          const path = ["seed_examples", index, "questions_and_answers", pairIndex, field];
          return { ...unknownField(yaml, path, known), severity: "warning" };
        }),
    ),
  );
}

function toIssues(file: string, problems: Problem[]): Issue[] {
  const shown = [...problems].sort((a, b) => a.line - b.line || a.column - b.column).slice(0, MAX_PROBLEMS_PER_FILE);
  if (problems.length > shown.length)
    shown.push(
      problem(
        "more-issues",
        `${problems.length - shown.length} more problems are not shown`,
        "Correct the first ones and check again.",
      ),
    );
  return shown.map((found) => ({ file: displayPath(file), ...found }));
}

/** Relative to the working directory where it lies inside it. */
export function displayPath(file: string): string {
  const way = relative(process.cwd(), resolve(file));
  return way === ".." || way.startsWith(`..${sep}`) || way === resolve(file) ? file : way;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
