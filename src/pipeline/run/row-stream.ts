/**
 * A pipeline as a stream: every row goes on to its next block at once, with no barrier between batches. Only what needs order waits for it: removing
 * duplicates (the first of equal rows stays, in every run), blocks that work on a whole table, and the result.
 */
import type { Row } from "../../artifacts.ts";
import { CancelledError, IlabError } from "../../util/errors.ts";
import { withWholeFloatsOf } from "../../util/whole-floats.ts";
import type { BlockContext, RowBlock, TableBlock } from "../block.ts";
import type { PipelineStep } from "../files/load-pipeline.ts";
import { isImagined } from "../teacher/imagined.ts";
import { TeacherLostError } from "../teacher/open-teacher.ts";

export interface RowStream {
  /** Begins work on a row. */
  push(row: Row): void;
  /** Rows that have come out so far. */
  readonly made: number;
  /** No row will follow. Resolves with all results; rejects when the run must end. */
  end(): Promise<Row[]>;
}

/** @param contextOf what the block of a step is given. */
export function openRowStream(
  steps: readonly PipelineStep[],
  contextOf: (step: PipelineStep, index: number) => BlockContext,
): RowStream {
  const result: Row[] = [];
  let resolve: (rows: Row[]) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const outcome = new Promise<Row[]>((...both) => {
    [resolve, reject] = both;
  });
  // Whoever pushes learns of a failure from `end`; until then it must not count as unhandled.
  outcome.catch(() => {});
  let sink: Sink = {
    push: (row) => {
      result.push(row);
    },
    end: () => resolve(result),
  };
  const bound = steps.map((step, index): BoundStep => ({ step, context: contextOf(step, index), fail: reject }));
  for (const stage of stagesOf(bound).reverse()) sink = stage(sink);
  return {
    push: sink.push,
    get made() {
      return result.length;
    },
    end() {
      sink.end();
      return outcome;
    },
  };
}

interface BoundStep {
  step: PipelineStep;
  context: BlockContext;
  /** Ends the whole run. */
  fail: (error: unknown) => void;
}

interface Sink {
  push(row: Row): void;
  end(): void;
}

/** Row blocks up to the next removal of duplicates make one stage, a table block is one of its own. */
function stagesOf(steps: readonly BoundStep[]): ((sink: Sink) => Sink)[] {
  const stages: ((sink: Sink) => Sink)[] = [];
  let chain: BoundStep[] = [];
  const close = () => {
    const made = chain;
    if (made.length > 0) stages.push((sink) => rowStage(made, withoutDuplicates(made.at(-1)!, sink)));
    chain = [];
  };
  for (const bound of steps) {
    const { block, dropDuplicates } = bound.step;
    if ("runRow" in block) {
      chain.push(bound);
      if (dropDuplicates.length > 0) close();
    } else {
      close();
      stages.push((sink) => tableStage(block, bound, withoutDuplicates(bound, sink)));
    }
  }
  close();
  return stages;
}

/** Handed-on rows whose places are given back together. */
const SLOTS_KEPT = 1024;

function rowStage(chain: readonly BoundStep[], sink: Sink): Sink {
  /** Rows that are under way, or done and waiting for one before them. */
  const slots: { rows?: Row[] }[] = [];
  let head = 0;
  let isEnded = false;
  const flush = () => {
    for (; head < slots.length && slots[head]!.rows !== undefined; head++)
      for (const made of slots[head]!.rows!) sink.push(made);
    if (head === slots.length || head >= SLOTS_KEPT) {
      slots.splice(0, head);
      head = 0;
    }
    if (isEnded && slots.length === 0) sink.end();
  };
  return {
    push(row) {
      const made = runChain(chain, row, 0);
      if (!(made instanceof Promise) && slots.length === 0) {
        for (const one of made) sink.push(one);
        return;
      }
      const slot: { rows?: Row[] } = {};
      slots.push(slot);
      if (!(made instanceof Promise)) slot.rows = made;
      else
        void made.then((rows) => {
          slot.rows = rows;
          if (slots[head] === slot) flush();
        });
    },
    end() {
      isEnded = true;
      if (slots.length === 0) sink.end();
    },
  };
}

/** All that comes of one row, in order; what comes of it at one block goes on to the next without waiting for its neighbours. */
function runChain(chain: readonly BoundStep[], row: Row, at: number): Row[] | Promise<Row[]> {
  const bound = chain[at];
  if (bound === undefined) return [row];
  const { step, context } = bound;
  const goOn = (made: readonly Row[]): Row[] | Promise<Row[]> => {
    const results = made.map((one) => runChain(chain, withoutColumns(step, one), at + 1));
    return results.some((result) => result instanceof Promise)
      ? Promise.all(results).then((lists) => lists.flat())
      : (results as Row[][]).flat();
  };
  try {
    const made = (step.block as RowBlock).runRow(row, context);
    return made instanceof Promise ? made.catch((error: unknown) => loseRow(bound, row, error)).then(goOn) : goOn(made);
  } catch (error) {
    return loseRow(bound, row, error);
  }
}

/** One bad row never ends a run; a teacher that is gone does. */
function loseRow({ step, context, fail }: BoundStep, row: Row, error: unknown): Row[] {
  const endsTheRun =
    error instanceof CancelledError ||
    error instanceof TeacherLostError ||
    (error instanceof IlabError && ["CALL_NOT_KEPT", "CALL_CACHE_UNUSABLE"].includes(error.code));
  if (endsTheRun) fail(error);
  else context.drop(row, `${step.type} failed: ${firstLine(error)}`);
  return [];
}

function tableStage(block: TableBlock, { step, context, fail }: BoundStep, sink: Sink): Sink {
  const rows: Row[] = [];
  return {
    push: (row) => {
      rows.push(row);
    },
    end() {
      block.run(rows, context).then(
        (made) => {
          for (const row of made) sink.push(withoutColumns(step, row));
          sink.end();
        },
        (error: unknown) =>
          fail(
            error instanceof IlabError
              ? error
              : new IlabError({
                  code: "BLOCK_FAILED",
                  message: `block '${step.name}' failed: ${firstLine(error)}`,
                  cause: error,
                }),
          ),
      );
    },
  };
}

/** The step's `drop_duplicates`, over the whole leaf: the first of equal rows stays. */
function withoutDuplicates({ step: { dropDuplicates }, context }: BoundStep, sink: Sink): Sink {
  if (dropDuplicates.length === 0) return sink;
  const seen = new Set<string>();
  return {
    push(row) {
      if (!dropDuplicates.some((column) => isImagined(row[column]))) {
        const key = JSON.stringify(dropDuplicates.map((column) => row[column] ?? null));
        if (seen.has(key)) {
          context.drop(row, `duplicate ${dropDuplicates.join(", ")}`);
          return;
        }
        seen.add(key);
      }
      sink.push(row);
    },
    end: () => sink.end(),
  };
}

/** The step's `drop_columns`. */
function withoutColumns({ dropColumns }: PipelineStep, row: Row): Row {
  if (dropColumns.length === 0) return row;
  return withWholeFloatsOf(
    row,
    Object.fromEntries(Object.entries(row).filter(([column]) => !dropColumns.includes(column))),
  );
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error)
    .split("\n")[0]!
    .slice(0, 200);
}
