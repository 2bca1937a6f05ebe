/**
 * How fast a taxonomy is read and checked: `npm run bench -- taxonomy [LEAVES]`, 10,000 leaves of the size of real ones (half knowledge, half
 * skills), made anew in a temporary directory. `millisecondsPerCheck` is one leaf again and again, as an editor would on every keystroke.
 * The last line is one JSON object.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readTaxonomy } from "../src/taxonomy/read-taxonomy.ts";
import { validateLeaf } from "../src/taxonomy/validate-leaf.ts";
import { createRandomSource } from "../src/util/rng.ts";

const count = Number(process.argv[2] ?? 10_000);
const CHECKS = 300;
const random = createRandomSource(1);
const syllables = "ba do fe gi lu ma no pe ri so ta vu".split(" ");
const word = () => Array.from({ length: 3 }, () => syllables[random.integer(syllables.length)]).join("");
const sentence = (length: number) => `The ${Array.from({ length }, word).join(" ")} ${random.integer(1e9)}.`;

function knowledge(): string {
  const pair = () => `      - question: What is ${sentence(8)}\n        answer: ${sentence(10)}\n`;
  const example = () =>
    `  - context: |\n      ${sentence(30)}\n      ${sentence(30)}\n    questions_and_answers:\n${pair()}${pair()}${pair()}`;
  return `version: 3\ncreated_by: bench\ndomain: geography\ndocument_outline: ${sentence(6)}\ndocument:\n  repo: https://example.org/documents.git\n  commit: 0123456789abcdef0123456789abcdef01234567\n  patterns:\n    - "*.md"\nseed_examples:\n${Array.from({ length: 5 }, example).join("")}`;
}

function skill(): string {
  const example = () => `  - question: >-\n      ${sentence(20)}\n    answer: "${sentence(20)}"\n`;
  return `version: 3\ncreated_by: bench\ntask_description: ${sentence(8)}\nseed_examples:\n${Array.from({ length: 6 }, example).join("")}`;
}

const root = await mkdtemp(join(tmpdir(), "ilab-bench-"));
try {
  let bytes = 0;
  let last = "";
  for (let n = 0; n < count; n++) {
    const isKnowledge = n % 2 === 0;
    const directory = join(root, isKnowledge ? "knowledge" : "compositional_skills", `group_${n % 100}`, `leaf_${n}`);
    await mkdir(directory, { recursive: true });
    const text = isKnowledge ? knowledge() : skill();
    bytes += text.length;
    last = join(directory, "qna.yaml");
    await writeFile(last, text);
    await writeFile(join(directory, "attribution.txt"), "Title of work: Bench\nLicense of the work: Apache-2.0\n");
  }
  console.log(`${count} leaves, ${(bytes / count).toFixed(0)} bytes each`);
  const start = performance.now();
  const { leaves, issues } = await readTaxonomy(root);
  const seconds = (performance.now() - start) / 1000;
  if (leaves.length !== count || issues.length > 0)
    throw new Error(`${leaves.length} leaves, issues: ${JSON.stringify(issues.slice(0, 3))}`);
  const again = performance.now();
  for (let n = 0; n < CHECKS; n++) validateLeaf(last, { root });
  const millisecondsPerCheck = (performance.now() - again) / CHECKS;
  const msPerLeaf = (seconds * 1000) / count;
  console.log(JSON.stringify({ leaves: count, seconds, msPerLeaf, millisecondsPerCheck }));
} finally {
  await rm(root, { recursive: true, force: true });
}
