/** Generated multiple-choice questions as an MMLU-style file, and the lm-evaluation-harness task that reads it. */
import { stringify } from "yaml";
import type { Row } from "../artifacts.ts";
import { rowText } from "./usable-rows.ts";

const letters = ["A", "B", "C", "D"];

/**
 * Rows with four choices and one of the letters A to D as answer; the others are left out. `answer` counts from A = 0, whatever letters occur:
 * upstream numbers the letters that happen to occur, so that a file without an A scores wrong choices.
 */
export function multipleChoiceRows(rows: readonly Row[]): Row[] {
  return rows.flatMap((row) => {
    const kept: Row = {};
    for (const [name, value] of Object.entries(row)) kept[name === "domain" ? "subject" : name] = value;
    const asked = rowText(row, "mmlubench_question");
    const answered = rowText(row, "mmlubench_answer");
    const start = asked.indexOf("A)");
    const choices = [...asked.matchAll(/\b[A-Z]\) (.+)/g)].map(([, choice]) => choice!);
    const answer = letters.indexOf(answered.slice(0, Math.max(0, answered.indexOf(")"))).trim());
    if (start < 0 || choices.length !== letters.length || answer < 0) return [];
    return [
      {
        ...kept,
        dataset_type: "mcq_qa",
        answer,
        choices,
        question: asked.slice(0, start).trim(),
      },
    ];
  });
}

/** @param dataFile as the harness will open it. */
export function harnessTask(name: string, dataFile: string): string {
  return stringify(
    {
      dataset_kwargs: { data_files: { test: dataFile } },
      dataset_name: null,
      dataset_path: "json",
      doc_to_choice: "{{[choices[0], choices[1], choices[2], choices[3]]}}",
      doc_to_target: "{{answer}}",
      doc_to_text: [
        "{{question.strip()}}",
        ...letters.map((letter, i) => `${letter}. {{choices[${i}]}}`),
        "Answer:",
      ].join("\n"),
      metric_list: [{ aggregation: "mean", higher_is_better: "true", metric: "acc" }],
      output_type: "multiple_choice",
      tag: "mmlu_pr",
      task: name,
      test_split: "test",
    },
    { lineWidth: 0 },
  );
}
