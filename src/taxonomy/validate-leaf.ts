/** One `qna.yaml` (versions 1 to 3) with what stands beside it -> a leaf node, and everything that is wrong with it. */
import { basename, dirname, join } from "node:path";
import type { Issue, LeafNode } from "../artifacts.ts";
import { checkSchema, isDeprecated, unknownField } from "./check-schema.ts";
import { checkAttribution } from "./checks/check-attribution.ts";
import { checkDocument } from "./checks/check-document.ts";
import { checkPath } from "./checks/check-path.ts";
import { checkPersonalData } from "./checks/check-personal-data.ts";
import { checkSeeds } from "./checks/check-seeds.ts";
import { ATTRIBUTION_FILE, HELD_OUT_FILE, LEAF_FILE, leafPathOf, type TaxonomyFolder } from "./leaf-path.ts";
import { leafVersion } from "./leaf-version.ts";
import { defaultLintConfig, type LintConfig } from "./lint/lint-config.ts";
import { lintYaml } from "./lint/lint-yaml.ts";
import { type ParseYamlResult, type PositionedValue, parseYaml } from "./parse-yaml.ts";
import { type Problem, problem, warning } from "./problem.ts";
import { readHeldOut } from "./read-held-out.ts";
import { readText } from "./read-text.ts";
import { toIssues } from "./to-issues.ts";
import { type LeafContent, toLeaf } from "./to-leaf.ts";

export interface ValidateLeafOptions {
  /** The taxonomy's root; without it the last `knowledge` or `compositional_skills` on the way to the file counts. */
  root?: string;
  /** Rules of form, every one of which is an error. Default: what upstream checks leaves with. */
  lintConfig?: LintConfig;
}

export interface ValidateLeafResult {
  /** Present when no issue is an error and the file is not empty. */
  leaf?: LeafNode;
  issues: Issue[];
}

/** Never throws for what stands in the file or where it should stand: that is what the issues are for. */
export function validateLeaf(file: string, options: ValidateLeafOptions = {}): ValidateLeafResult {
  const { root, lintConfig } = options;
  const { yaml, problems } = readLeafFile(file);
  if (yaml === undefined) return { issues: toIssues(file, problems) };
  const leafPath = leafPathOf(file, root);
  const content = yaml.value as Record<string, unknown>;
  const folder = leafPath.folder ?? ("document" in content ? "knowledge" : "compositional_skills");
  const found = [...checkContent(yaml, folder, lintConfig), ...checkPath(leafPath)];
  const isValid = !found.some(({ severity }) => severity === "error");
  let leaf: LeafNode | undefined;
  if (isValid) {
    const parts = leafPath.folder === undefined ? [folder, ...leafPath.parts] : leafPath.parts;
    leaf = toLeaf(content as unknown as LeafContent, file, parts);
    found.push(...checkSeeds(leaf, yaml), ...checkPersonalData(leaf, yaml), ...extraPairFields(yaml));
    if (leaf.document !== undefined) found.push(...checkDocument(file, leaf.document, yaml));
  }
  const issues = toIssues(file, found);
  const beside = (name: string, check: (path: string) => Problem[]) => {
    const path = join(dirname(file), name);
    issues.push(...toIssues(path, check(path)));
  };
  const version = leafVersion(content);
  if (typeof version === "number" && version > 1) beside(ATTRIBUTION_FILE, (path) => checkAttribution(readText(path)));
  beside(HELD_OUT_FILE, (path) => {
    const seedQuestions = (leaf?.seedExamples ?? []).flatMap(({ pairs }) => pairs.map(({ question }) => question));
    const heldOut = readHeldOut(path, seedQuestions);
    leaf = leaf && { ...leaf, heldOut: heldOut.questions };
    return heldOut.problems;
  });
  if (leaf === undefined || issues.some(({ severity }) => severity === "error")) return { issues };
  return { leaf, issues };
}

const shapeHint = "Begin with 'version: 3'; docs/taxonomy.md shows a whole file.";

function readLeafFile(file: string): { yaml?: PositionedValue; problems: Problem[] } {
  const name = basename(file);
  const read = readText(file);
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
  return mappingOnly(parseYaml(read.text));
}

function mappingOnly(parsed: ParseYamlResult): { yaml?: PositionedValue; problems: Problem[] } {
  if (parsed.yaml === undefined) return parsed;
  const { value } = parsed.yaml;
  const isList = Array.isArray(value);
  // What Python takes for nothing: the file is skipped, and nobody is stopped by it.
  const isNothing = !value || (typeof value === "object" && Object.keys(value).length === 0);
  if (isNothing) return { problems: [warning("empty-file", "the file is empty", shapeHint)] };
  if (typeof value === "object" && !isList) return parsed;
  return {
    problems: [problem("not-a-mapping", "the file must consist of lines of the form 'name: value'", shapeHint)],
  };
}

/** Form and schema, with the verdicts of upstream's parser. */
function checkContent(
  yaml: PositionedValue,
  folder: TaxonomyFolder,
  config: LintConfig = defaultLintConfig,
): Problem[] {
  const version = leafVersion(yaml.value as Record<string, unknown>);
  const path = ["version"];
  const isNumber = typeof version === "number";
  const form =
    isNumber && version > 1 ? lintYaml(yaml, config).map((found) => ({ ...found, severity: "error" as const })) : [];
  if (version === 1 || version === 2 || version === 3) {
    const name = `v${version}/${folder}` as const;
    if (!isDeprecated(name)) return [...form, ...checkSchema(name, yaml)];
    const message = `knowledge of version ${version} is not read any more`;
    const hint =
      "Write 'version: 3' with domain, document_outline and document, no task_description, and at least 5 seed examples, each with a context and 3 questions_and_answers.";
    return [...form, problem("deprecated-version", message, hint, yaml.locate(path), path)];
  }
  const found = yaml.sourceOf(path);
  const message = `version ${found} of the format is not known; versions 1, 2 and 3 are`;
  return [...form, problem("unsupported-version", message, "Write 'version: 3'.", yaml.locate(path), path)];
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
