/** What a generation run made, for a person: counts per leaf, what was dropped and why, a few examples. */
import type { GeneratedLeaf, MessagesSample } from "../artifacts.ts";

/** Examples shown per leaf. */
const exampleCount = 3;
/** Reasons shown per leaf; all are in the log. */
const reasonCount = 4;

/** Samples that small teachers' pipelines make of every sentence by themselves. */
const withoutTeacher = ["echo", "keywords", "about", "sentence"];

export function summariseRun(
  directory: string,
  leaves: readonly GeneratedLeaf[],
  samples: readonly MessagesSample[],
): string {
  const lines: string[] = [];
  for (const { leaf, drops } of leaves) {
    const own = samples
      .map((sample) => ({ sample, metadata: metadataOf(sample) }))
      .filter(({ metadata }) => metadata["leaf"] === leaf.taxonomyPath);
    const count = (dataset: string) => own.filter(({ metadata }) => metadata["dataset"] === dataset).length;
    lines.push(
      leaf.taxonomyPath,
      `  ${count("qa")} new question-answer pairs, ${count("seed")} from the seeds`,
      ...(withoutTeacher.some((kind) => count(kind) > 0)
        ? [
            `  and so that every sentence can be found: ${count("echo")} echo questions, ${count("keywords")} by keywords, ${count("about")} about names, ${count("sentence")} as text`,
          ]
        : []),
    );
    const shown = evenly(
      own.filter(({ metadata }) => metadata["dataset"] === "qa"),
      exampleCount,
    );
    for (const { sample } of shown) {
      const content = (role: string) =>
        sample.messages.find((message) => message.role === role)?.content.replace(/\s+/g, " ");
      lines.push(`    ${content("user")}`, `      ${content("assistant")}`);
    }
    const worst = [...drops].sort((a, b) => b.count - a.count);
    const total = worst.reduce((sum, drop) => sum + drop.count, 0);
    if (total > 0) lines.push(`  What was dropped: ${total}`);
    for (const { count: dropped, block, reason } of worst.slice(0, reasonCount))
      lines.push(`    ${dropped} by ${block}: ${reason}`);
  }
  lines.push("", `${samples.length} training samples in ${directory}`);
  return lines.join("\n");
}

function metadataOf({ metadata }: MessagesSample): Record<string, unknown> {
  return metadata === undefined ? {} : (JSON.parse(metadata) as Record<string, unknown>);
}

/** `count` items spread over the list. */
function evenly<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  return Array.from({ length: count }, (_, index) => items[Math.floor(((index + 0.5) * items.length) / count)]!);
}
