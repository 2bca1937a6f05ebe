/** One `qna.yaml` (versions 1 to 3) with what stands beside it -> a leaf node, and everything that is wrong with it. */
import { basename, dirname, join } from "node:path";
import type { Issue, LeafNode } from "../artifacts.ts";
import { type CheckedLeafText, checkLeafText } from "./check-leaf-text.ts";
import { unknownField } from "./check-schema.ts";
import { checkAttribution } from "./checks/check-attribution.ts";
import { checkDocument } from "./checks/check-document.ts";
import { checkPath } from "./checks/check-path.ts";
import { checkPersonalData } from "./checks/check-personal-data.ts";
import { checkSeeds } from "./checks/check-seeds.ts";
import { ATTRIBUTION_FILE, HELD_OUT_FILE, LEAF_FILE, leafPathOf } from "./leaf-path.ts";
import { leafVersion } from "./leaf-version.ts";
import type { LintConfig } from "./lint/lint-config.ts";
import type { PositionedValue } from "./parse-yaml.ts";
import { type Problem, problem } from "./problem.ts";
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
  const leafPath = leafPathOf(file, root);
  const { yaml, folder, problems } = readLeafFile(file, { folder: leafPath.folder, lintConfig });
  if (yaml === undefined || folder === undefined) return { issues: toIssues(file, problems) };
  const content = yaml.value as Record<string, unknown>;
  const found = [...problems, ...checkPath(leafPath)];
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

function readLeafFile(file: string, options: Parameters<typeof checkLeafText>[1]): CheckedLeafText {
  const name = basename(file);
  const read = readText(file);
  if ("problem" in read) return { problems: [read.problem] };
  if (name === LEAF_FILE) return checkLeafText(read.text, options);
  const message = `the file is named '${name}'; only '${LEAF_FILE}' is read`;
  return { problems: [problem("wrong-file-name", message, `Rename it to ${LEAF_FILE}.`)] };
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
