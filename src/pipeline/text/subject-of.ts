/** What a document is about, read from its title and its text: "# The island of Ilvaray" -> Ilvaray, also called "the island". */
import { functionWords } from "./word-tables.ts";
import { namesIn } from "./words.ts";

export interface Subject {
  /** As the text writes it; empty when nothing could be made out. */
  name: string;
  /** Common nouns that the text uses for it after "the": town, island. */
  nouns: string[];
}

/** @param title the document's first heading, or empty. */
export function subjectOf(title: string, text: string): Subject {
  const name = nameFromTitle(title, text) ?? mostFrequentName(text) ?? title;
  return { name, nouns: name === "" ? [] : nounsFor(name, text) };
}

/** The longest run of words of the title that the text repeats nearly as often as the title's best known part. */
function nameFromTitle(title: string, text: string): string | undefined {
  const words = title.split(/\s+/).filter((word) => word !== "");
  const runs: { run: string; count: number; length: number }[] = [];
  for (let from = 0; from < words.length; from++)
    for (let to = from + 1; to <= words.length; to++) {
      const first = words[from]!;
      if (
        functionWords.has(first.toLowerCase()) ||
        !/^\p{Lu}/u.test(first) ||
        functionWords.has(words[to - 1]!.toLowerCase())
      )
        continue;
      const run = words
        .slice(from, to)
        .join(" ")
        .replace(/[.,:;!?]+$/, "");
      const count = text.split(run).length - 1;
      if (count > 0) runs.push({ run, count, length: to - from });
    }
  const most = Math.max(...runs.map((entry) => entry.count));
  runs.sort((a, b) => b.length - a.length || b.count - a.count);
  return runs.find((entry) => entry.count >= most * 0.5)?.run;
}

function mostFrequentName(text: string): string | undefined {
  const counted = namesIn(text).map((name) => ({ name, count: text.split(name).length - 1 }));
  counted.sort((a, b) => b.count - a.count);
  return counted[0]?.name;
}

/** Nouns of "X is a walled market town on …" that occur again as "the town". */
function nounsFor(name: string, text: string): string[] {
  const at = text.indexOf(`${name} is `);
  if (at < 0) return [];
  const sentence = text.slice(at + name.length + 4).split(/[.!?](?:\s|$)/)[0]!;
  const phrase = sentence.split(/\s(?:on|in|at|of|that|which|who|with|from|by|near|and)\s|,/)[0]!;
  const words = phrase.toLowerCase().match(/\p{Ll}+(?:-\p{Ll}+)*/gu) ?? [];
  const last = words.at(-1);
  return last !== undefined && new RegExp(`\\b[Tt]he ${last}\\b`, "u").test(text) ? [last] : [];
}
