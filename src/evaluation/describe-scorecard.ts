/** A scorecard for people: the rows of a table, what they mean in plain words, and a few of the answers. */
import type { HeldOutAnswer, Scorecard } from "../artifacts.ts";

export interface ScorecardTable {
  head: string[];
  rows: string[][];
}

type Share = NonNullable<Scorecard["heldOut"]>["recall"]["model"];
type ComparedShare = NonNullable<Scorecard["heldOut"]>["recall"];
type Perplexity = NonNullable<Scorecard["forgetting"]>["model"];

/** Below this, a difference between two models is not taken for chance. */
const SIGNIFICANCE = 0.05;

export function scorecardTable({ heldOut, forgetting, baseModel }: Scorecard): ScorecardTable {
  const isCompared = baseModel !== undefined;
  const row = (name: string, base: string, model: string, difference: string) =>
    isCompared ? [name, base, model, difference] : [name, model, difference];
  const rows: string[][] = [];
  if (heldOut) {
    const { recall, multipleChoice } = heldOut;
    rows.push(row("held-out questions recalled", shareText(recall.base), shareText(recall.model), changeText(recall)));
    if (multipleChoice)
      rows.push(
        row(
          "multiple choice right",
          shareText(multipleChoice.base),
          shareText(multipleChoice.model),
          [changeText(multipleChoice), `guessing: ${percent(multipleChoice.chance)}`].filter(Boolean).join("; "),
        ),
      );
  }
  if (forgetting) {
    const { ratio } = forgetting;
    rows.push(
      row(
        "perplexity on general text",
        perplexityText(forgetting.base),
        perplexityText(forgetting.model),
        ratio ? `times ${ratio.value.toFixed(2)} (${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)})` : "",
      ),
    );
  }
  return { head: isCompared ? ["", "base", "trained", "difference"] : ["", "model", ""], rows };
}

/** One sentence or two for each benchmark. */
export function explainScorecard({ heldOut, forgetting, baseModel }: Scorecard): string[] {
  const lines: string[] = [];
  if (heldOut) {
    const { recall } = heldOut;
    const asked = `Asked ${recall.model.total} questions that it was never trained on, without the document at hand`;
    if (recall.base === undefined) lines.push(`${asked}, the model answered ${recall.model.correct} right.`);
    else
      lines.push(
        `${asked}, the trained model answered ${recall.model.correct} right; the base answered ${recall.base.correct}. ${differenceText(recall)}`,
      );
  }
  if (forgetting) {
    lines.push(
      forgetting.ratio
        ? `Perplexity tells how much an ordinary text surprises a model; less is better. ${forgettingText(forgetting.ratio.value)}`
        : "Perplexity tells how much an ordinary text surprises the model; less is better. Give --base-model to see what was forgotten.",
    );
  }
  if (lines.length > 0)
    lines.push(
      `In brackets: where the figure would lie in 95 of 100 repetitions with ${baseModel === undefined ? "" : "as many "}other questions and texts of the kind.`,
    );
  return lines;
}

/** Answers worth reading: what was learned, then what was lost, then what is still wrong. */
export function exampleAnswers({ heldOut }: Scorecard, count = 3): string[] {
  if (!heldOut) return [];
  const rank = ({ model, base }: { model: HeldOutAnswer; base?: HeldOutAnswer }): number => {
    if (model.isRecalled) return base && !base.isRecalled ? 0 : 3;
    return base?.isRecalled ? 1 : 2;
  };
  const ordered = [...heldOut.questions].sort((a, b) => rank(a) - rank(b));
  // Where something is wrong, the last example shows it.
  const wrong = ordered.find((item) => !item.model.isRecalled);
  const shown = ordered.slice(0, count);
  if (wrong && count > 1 && shown.length === count && !shown.includes(wrong)) shown[count - 1] = wrong;
  return shown.map(({ question, reference, base, model }) =>
    [
      question,
      `  expected: ${oneLine(reference)}`,
      ...(base ? [`  base:     ${verdict(base)}`] : []),
      `  ${base ? "trained:" : "model:  "}  ${verdict(model)}`,
    ].join("\n"),
  );
}

const percent = (share: number) => `${Math.round(share * 100)} %`;

function shareText(share: Share | undefined): string {
  if (!share) return "";
  return `${share.correct} of ${share.total} = ${percent(share.share)} (${percent(share.low)} to ${percent(share.high)})`;
}

function changeText({ gained, lost, pValue }: ComparedShare): string {
  if (gained === undefined || lost === undefined || pValue === undefined) return "";
  return `${gained} gained, ${lost} lost, p ${pValueText(pValue)}`;
}

const pValueText = (pValue: number) => (pValue < 0.001 ? "< 0.001" : `= ${pValue.toFixed(3)}`);

function perplexityText(value: Perplexity | undefined): string {
  return value ? `${value.perplexity.toFixed(1)} (${value.low.toFixed(1)} to ${value.high.toFixed(1)})` : "";
}

function differenceText({ gained = 0, lost = 0, pValue = 1 }: ComparedShare): string {
  if (gained === lost) return "That is no difference.";
  if (pValue >= SIGNIFICANCE)
    return `That difference could be chance (p ${pValueText(pValue)}): more held-out questions would tell.`;
  return `That difference is not chance (p ${pValueText(pValue)}).`;
}

function forgettingText(ratio: number): string {
  const times = `it is ${ratio.toFixed(2)} times the base model's`;
  if (ratio <= 1.1) return `The trained model kept what the base knew: ${times}.`;
  if (ratio <= 1.5) return `The trained model forgot a little: ${times}.`;
  if (ratio <= 2.5) return `The trained model forgot noticeably: ${times}.`;
  return `The trained model forgot much: ${times}. Train for fewer epochs or with a lower rate.`;
}

const oneLine = (text: string) => {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= 160 ? line : `${line.slice(0, 159)}…`;
};

function verdict({ answer, isRecalled, missing, rejected }: HeldOutAnswer): string {
  if (isRecalled) return `${oneLine(answer)}  [right]`;
  const reason =
    rejected === "refusal" ? "declined" : rejected === "echo" ? "repeats the question" : `lacks ${missing.join(", ")}`;
  return `${oneLine(answer)}  [wrong: ${reason}]`;
}
