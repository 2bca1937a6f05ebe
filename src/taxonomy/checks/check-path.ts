/** Whether a leaf's folders have names that every program and every later step can live with. All warnings, about the file as a whole. */
import { type LeafPath, taxonomyFolders } from "../leaf-path.ts";
import { fileStart, type Problem, warning } from "../problem.ts";

export function checkPath({ parts }: LeafPath): Problem[] {
  const problems: Problem[] = [];
  const bad = parts.filter((part) => !/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(part));
  if (bad.length > 0)
    problems.push(
      warning(
        "path-naming",
        `${bad.map((part) => `'${part}'`).join(", ")} ${bad.length === 1 ? "is no name" : "are no names"} for a folder of a taxonomy`,
        "Use letters, digits and '_'; no blanks.",
        fileStart,
      ),
    );
  const inner = parts.slice(1).filter((part) => (taxonomyFolders as readonly string[]).includes(part));
  if (inner.length > 0)
    problems.push(
      warning(
        "nested-taxonomy-folder",
        `the folder '${inner.at(-1)}' inside of '${parts[0]}' decides how this file is checked`,
        "Give it another name: 'knowledge' and 'compositional_skills' have a meaning.",
        fileStart,
      ),
    );
  return problems;
}
