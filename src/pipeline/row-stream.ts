/**
 * A pipeline as a stream: every row goes on to the next block as soon as its turn has come, with no barrier between batches. Each step hands its
 * rows on in the order in which they came in, whatever order the answers come in: duplicates and results are the same in every run.
 */
import type { Row } from "../artifacts.ts";
import { CancelledError, IlabError } from "../util/errors.ts";
import type { Block, BlockContext } from "./block.ts";
import { isImagined } from "./imagined.ts";
import type { PipelineStep } from "./load-pipeline.ts";
import { TeacherLostError } from "./open-teacher.ts";

export interface RowStream {
  /** Begins work on a row. */
  push(row: Row): void;
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
  let next: Sink = {
    push: (row) => {
      result.push(row);
    },
    end: () => resolve(result),
  };
  for (const [index, step] of [...steps.entries()].reverse())
    next = openStage(step, contextOf(step, index), next, reject);
  return {
    push: next.push,
    end() {
      next.end();
      return outcome;
    },
  };
}

interface Sink {
  push(row: Row): void;
  end(): void;
}

function openStage(step: PipelineStep, context: BlockContext, sink: Sink, fail: (error: unknown) => void): Sink {
  const tidy = createTidier(step, context, sink);
  const handle = (row: Row | undefined, error: unknown): Row[] => {
    if (endsTheRun(error)) fail(error);
    else if (row !== undefined) context.drop(row, `failed: ${firstLine(error)}`);
    else
      fail(
        new IlabError({
          code: "BLOCK_FAILED",
          message: `block '${step.name}' failed: ${firstLine(error)}`,
          cause: error,
        }),
      );
    return [];
  };
  const { block } = step;
  return "runRow" in block
    ? rowStage(block.runRow.bind(block), context, tidy, handle)
    : tableStage(block.run.bind(block), context, tidy, handle);
}

/** Handed-on rows whose places are given back together. */
const SLOTS_KEPT = 1024;

type RunRow = Extract<Block, { runRow: unknown }>["runRow"];
type RunTable = Extract<Block, { run: unknown }>["run"];
type Handle = (row: Row | undefined, error: unknown) => Row[];

function rowStage(runRow: RunRow, context: BlockContext, sink: Sink, handle: Handle): Sink {
  /** Rows whose turn has not come: waiting for their own answer or for that of a row before them. */
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
      let made: Row[] | Promise<Row[]>;
      try {
        made = runRow(row, context);
      } catch (error) {
        made = handle(row, error);
      }
      if (!(made instanceof Promise) && slots.length === 0) {
        for (const one of made) sink.push(one);
        return;
      }
      const slot: { rows?: Row[] } = {};
      slots.push(slot);
      if (!(made instanceof Promise)) slot.rows = made;
      else
        void made
          .catch((error: unknown) => handle(row, error))
          .then((rows) => {
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

function tableStage(run: RunTable, context: BlockContext, sink: Sink, handle: Handle): Sink {
  const rows: Row[] = [];
  return {
    push: (row) => {
      rows.push(row);
    },
    end() {
      void run(rows, context)
        .catch((error: unknown) => handle(undefined, error))
        .then((made) => {
          for (const row of made) sink.push(row);
          sink.end();
        });
    },
  };
}

/** The step's `drop_duplicates` (the first of equal rows stays, over the whole leaf), then its `drop_columns`. */
function createTidier({ dropColumns, dropDuplicates }: PipelineStep, context: BlockContext, sink: Sink): Sink {
  const seen = new Set<string>();
  return {
    push(row) {
      if (dropDuplicates.length > 0 && !dropDuplicates.some((column) => isImagined(row[column]))) {
        const key = JSON.stringify(dropDuplicates.map((column) => row[column] ?? null));
        if (seen.has(key)) {
          context.drop(row, `duplicate ${dropDuplicates.join(", ")}`);
          return;
        }
        seen.add(key);
      }
      if (dropColumns.length === 0) return sink.push(row);
      sink.push(Object.fromEntries(Object.entries(row).filter(([column]) => !dropColumns.includes(column))));
    },
    end: () => sink.end(),
  };
}

function endsTheRun(error: unknown): boolean {
  return (
    error instanceof CancelledError ||
    error instanceof TeacherLostError ||
    (error instanceof IlabError && error.code === "CALL_NOT_KEPT")
  );
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error)
    .split("\n")[0]!
    .slice(0, 200);
}
