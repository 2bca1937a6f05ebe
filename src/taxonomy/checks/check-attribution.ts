/** `attribution.txt` beside a leaf: it says where the text comes from and under which licence. All warnings, about that file. */
import { type Problem, problem } from "../problem.ts";
import type { ReadTextResult } from "../read-text.ts";

/** Licences of others' works that upstream's guide accepts, by SPDX identifier. */
export const acceptedLicences = [
  "CC0-1.0",
  "CDLA-Permissive-2.0",
  "CC-BY-4.0",
  "CC-BY-SA-4.0",
  "Apache-2.0",
  "MIT",
] as const;

export function checkAttribution(read: ReadTextResult): Problem[] {
  return find(read).map((found) => ({ ...found, severity: "warning" }));
}

function find(read: ReadTextResult): Problem[] {
  const hint = "Write the lines 'Title of work:', 'Link to work:', 'License of the work:' and 'Creator names:'.";
  if ("problem" in read)
    return [
      read.problem.code === "file-not-found"
        ? problem("attribution-missing", "there is no attribution.txt beside the qna.yaml", hint)
        : read.problem,
    ];
  if (read.text.trim() === "") return [problem("attribution-empty", "the file is empty", hint)];
  const licences = read.text.split(/\r\n?|\n/).flatMap((line, index) => {
    const name = /^\s*[-*]*\s*licen[cs]e[^:]*:\s*(.*?)\s*$/i.exec(line)?.[1];
    return name === undefined ? [] : [{ name, line: index + 1 }];
  });
  if (licences.length === 0) return [problem("licence-missing", "no line says 'License of the work:'", hint)];
  return licences
    .filter(({ name }) => !isAccepted(name))
    .map(({ name, line }) =>
      problem(
        "licence-not-accepted",
        name === "" ? "the licence is not named" : `the licence '${name}' is not among those that are accepted`,
        `Accepted are ${acceptedLicences.join(", ")}.`,
        { line, column: 1 },
      ),
    );
}

/** `CC BY-SA 4.0`, `cc-by-sa-4.0` and `CC-BY-SA-4.0 (https://…)` are one. */
function isAccepted(name: string): boolean {
  const plain = (text: string) => text.toUpperCase().replace(/[^A-Z0-9]+/g, "-");
  const words = `-${plain(name)}-`;
  if (/-(?:NC|ND)-/.test(words)) return false;
  const long = words
    .replace(/-CREATIVE-COMMONS-/, "-CC-")
    .replace(/-ATTRIBUTION-/, "-BY-")
    .replace(/-SHARE-?ALIKE-/, "-SA-")
    .replace(/-APACHE-LICENSE-(?:VERSION-)?/, "-APACHE-")
    .replace(/-CC-0-/, "-CC0-");
  return acceptedLicences.some((licence) => long.includes(`-${plain(licence)}-`));
}
