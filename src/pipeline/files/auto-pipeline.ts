/** Which built-in pipeline a teacher of a given size is up to. */

export interface TeacherSize {
  /** Name or file, as the user or the server calls it. */
  name: string;
  /** Counted in the model's file, where there is one. */
  parameters?: number;
}

/** Below this, models complete patterns but do not follow instructions: measured with 135 M to 1.7 B (docs/decisions/003). */
const COMPACT_BELOW = 3e9;
/** Up to here judges of their own answers drop nearly everything: users of Python InstructLab met that with 7 B teachers. */
const SIMPLE_BELOW = 8e9;
/** Llama 3 of this size is what the pipeline with summaries was made for. */
const LLAMA_FROM = 60e9;

export function autoPipeline(teacher: TeacherSize | undefined): { name: string; note: string } {
  const parameters = teacher?.parameters ?? sizeInName(teacher?.name ?? "");
  const who = teacher === undefined ? "the teacher" : `the teacher ${teacher.name}`;
  if (parameters === undefined)
    return { name: "full", note: `pipeline full: the size of ${who} is unknown; --pipeline names another one` };
  const isLlama3 = /llama[-_ ]?(?:v)?3/i.test(teacher!.name);
  const name =
    parameters < COMPACT_BELOW
      ? "compact"
      : parameters < SIMPLE_BELOW
        ? "simple"
        : isLlama3 && parameters >= LLAMA_FROM
          ? "llama"
          : "full";
  return { name, note: `pipeline ${name}: ${who} has about ${inWords(parameters)} parameters` };
}

/** "Mixtral-8x7B" 56e9, "qwen2.5-7b" 7e9, "135M" 135e6; of several sizes ("30B-A3B") the largest. */
function sizeInName(name: string): number | undefined {
  const unit: Record<string, number> = { m: 1e6, b: 1e9, t: 1e12 };
  const sizes = [...name.matchAll(/(?<![a-z\d.])(?:(\d+)x)?(\d+(?:\.\d+)?)([mbt])(?![a-z\d])/gi)].map(
    ([, experts = "1", count, letter]) => Number(experts) * Number(count) * unit[letter!.toLowerCase()]!,
  );
  return sizes.length === 0 ? undefined : Math.max(...sizes);
}

function inWords(parameters: number): string {
  return parameters >= 1e9
    ? `${Number((parameters / 1e9).toPrecision(3))} billion`
    : `${Number((parameters / 1e6).toPrecision(3))} million`;
}
