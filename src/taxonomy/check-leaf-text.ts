/** The text of a `qna.yaml` -> what it says, and what upstream's parser has against it: reading, form and schema, version by version. */
import { checkSchema, isDeprecated } from "./check-schema.ts";
import type { TaxonomyFolder } from "./leaf-path.ts";
import { leafVersion } from "./leaf-version.ts";
import { defaultLintConfig, type LintConfig } from "./lint/lint-config.ts";
import { lintYaml } from "./lint/lint-yaml.ts";
import { type ParseYamlResult, type PositionedValue, parseYaml } from "./parse-yaml.ts";
import { type Problem, problem, warning } from "./problem.ts";
import { isEmptyOther } from "./yaml/other-value.ts";

export interface CheckLeafTextOptions {
  /** Decides which schema holds; where it is not known, a `document` makes knowledge. */
  folder?: TaxonomyFolder;
  /** Rules of form, every one of which is an error. Default: what upstream checks leaves with. */
  lintConfig?: LintConfig;
}

export interface CheckedLeafText {
  /** Absent when it is not a mapping. */
  yaml?: PositionedValue;
  folder?: TaxonomyFolder;
  problems: Problem[];
}

export function checkLeafText(text: string, { folder, lintConfig }: CheckLeafTextOptions = {}): CheckedLeafText {
  const { yaml, problems } = mappingOnly(parseYaml(text));
  if (yaml === undefined) return { problems };
  const chosen = folder ?? ("document" in (yaml.value as object) ? "knowledge" : "compositional_skills");
  return { yaml, folder: chosen, problems: checkContent(yaml, chosen, lintConfig) };
}

const shapeHint = "Begin with 'version: 3'; docs/taxonomy.md shows a whole file.";

function mappingOnly(parsed: ParseYamlResult): { yaml?: PositionedValue; problems: Problem[] } {
  if (parsed.yaml === undefined) return parsed;
  const { value } = parsed.yaml;
  const isList = Array.isArray(value);
  // What Python takes for nothing: the file is skipped, and nobody is stopped by it.
  const isNothing =
    typeof value === "symbol"
      ? isEmptyOther(value)
      : typeof value === "object" && value !== null
        ? Object.keys(value).length === 0
        : !value && !Number.isNaN(value);
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
