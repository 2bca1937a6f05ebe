/** One leaf through its pipelines: a leaf with grounded and freeform seeds goes through both, a knowledge leaf through that of its test questions too. */
import type { DropRecord, LeafSeeds, Row } from "../../artifacts.ts";
import type { BlockContext } from "../block.ts";
import type { Pipeline } from "../files/load-pipeline.ts";
import type { Teacher } from "../teacher/open-teacher.ts";
import { noUsage, type Usage } from "../teacher/usage.ts";
import { createDropCounter } from "./drop-counter.ts";
import { openRowStream } from "./row-stream.ts";

/** Rows that begin before anything else gets its turn. */
const ROWS_AT_ONCE = 16;

/** What is to be done for a leaf. */
export interface LeafPlan {
  seeds: LeafSeeds;
  parts: { pipeline: Pipeline; rows: Row[] }[];
  /** Questions to examine a student with, for knowledge. */
  evaluation?: { pipeline: Pipeline; rows: Row[] };
}

export interface LeafRun {
  generated: Row[];
  evaluationRows: Row[];
  drops: DropRecord[];
}

export interface LeafRunning {
  /** Counts as the leaf goes on. */
  usage: Usage;
  /** Rows that have come out so far. */
  samples(): number;
  /** Resolves when all rows have been begun, so that the next leaf may start. */
  started: Promise<void>;
  finished: Promise<LeafRun>;
}

export function runLeaf(plan: LeafPlan, teacher: Teacher, seed: number): LeafRunning {
  const usage = noUsage();
  const all = [...plan.parts, ...(plan.evaluation === undefined ? [] : [plan.evaluation])];
  const drops = createDropCounter(all.flatMap(({ pipeline }) => pipeline.steps.map(({ name }) => name)));
  const streams = all.map(({ pipeline, rows }) => {
    const stream = openRowStream(pipeline.steps, (step, index): BlockContext => {
      return {
        seeds: plan.seeds,
        seed,
        ask: (request) => teacher.ask(request, index, usage),
        drop: (row, reason) => drops.add(step.name, row, reason),
      };
    });
    return { stream, rows };
  });
  const ends: Promise<Row[]>[] = [];
  const started = (async () => {
    for (const { stream, rows } of streams) {
      for (const [index, row] of rows.entries()) {
        const room = teacher.room();
        if (room !== undefined) await room;
        // Requests that were made go out, and answers come in, while further rows begin.
        else if (index % ROWS_AT_ONCE === ROWS_AT_ONCE - 1) await new Promise((resolve) => setImmediate(resolve));
        stream.push(row);
      }
      ends.push(stream.end());
    }
  })();
  const finished = started.then(async (): Promise<LeafRun> => {
    const results = await Promise.all(ends);
    const evaluationRows = plan.evaluation === undefined ? [] : results.pop()!;
    return { generated: results.flat(), evaluationRows, drops: drops.records() };
  });
  finished.catch(() => {});
  const samples = () => streams.slice(0, plan.parts.length).reduce((sum, { stream }) => sum + stream.made, 0);
  return { usage, samples, started, finished };
}
