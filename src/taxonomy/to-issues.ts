/** Findings about one file -> issues: sorted by place, with the file's name, and not without end. */
import { relative, resolve, sep } from "node:path";
import type { Issue } from "../artifacts.ts";
import { type Problem, problem } from "./problem.ts";

/** Nobody reads more findings about one file; the number of the others is told. */
const MAX_PROBLEMS_PER_FILE = 500;

export function toIssues(file: string, problems: readonly Problem[]): Issue[] {
  const shown = [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
  const left = shown.splice(MAX_PROBLEMS_PER_FILE).length;
  if (left > 0)
    shown.push(
      problem("more-issues", `${left} more problems are not shown`, "Correct the first ones and check again."),
    );
  const name = displayPath(file);
  return shown.map((found) => ({ file: name, ...found }));
}

/** Relative to the working directory where it lies inside it. */
export function displayPath(file: string): string {
  const way = relative(process.cwd(), resolve(file));
  return way === ".." || way.startsWith(`..${sep}`) || way === resolve(file) ? file : way;
}
