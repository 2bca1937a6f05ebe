/** From a recipe to one training file: every set is sampled, every row brought into the same four columns. Rows are streamed. */
import type { Row } from "../artifacts.ts";
import { countDataRows, type DataRow, passesOver, writeDataFile } from "../formats/data-file.ts";
import { toAsciiJson } from "../formats/jsonl-styles.ts";
import { IlabError, throwIfAborted } from "../util/errors.ts";
import type { Work } from "../util/events.ts";
import { requireWritableFile } from "../util/fs.ts";
import { parseNotedJson, withWholeFloatsOf } from "../util/whole-floats.ts";
import { workFrom } from "../util/work-from.ts";
import { type Recipe, wantedRows } from "./recipe.ts";
import { sampleId } from "./sample-id.ts";
import { type SamplingOptions, sampleRowsOfFile } from "./sample-rows-of-file.ts";

export interface MixOptions extends SamplingOptions {
  outputFile: string;
  /** The first message of every row; that of the recipe when absent, and none when it has none. */
  systemPrompt?: string;
  signal?: AbortSignal;
}

export interface MixResult {
  outputFile: string;
  rows: number;
  /** In the order of the recipe. */
  datasets: { path: string; rows: number; leftOut: number }[];
}

const ROWS_BETWEEN_PROGRESS = 500;

const columns = ["messages", "metadata", "id", "unmask"] as const;

/** @throws IlabError `RECIPE_EMPTY`, `DATA_NOT_FOUND`, `BAD_ROW`. */
export async function* mixRecipe(recipe: Recipe, options: MixOptions): Work<MixResult> {
  const { outputFile, signal } = options;
  if (recipe.datasets.length === 0)
    throw new IlabError({
      code: "RECIPE_EMPTY",
      message: "the recipe names no data",
      hint: "Add files under datasets.",
    });
  await requireWritableFile(outputFile);
  // The Python program leaves rows without an id as they are.
  const makesIds = options.sampling !== "upstream";
  const systemPrompt = options.systemPrompt ?? (recipe.systemPrompt || undefined);
  const datasets = recipe.datasets.map(({ path }) => ({ path, rows: 0, leftOut: 0 }));
  const startedAt = performance.now();
  const rowCounts = await Promise.all(recipe.datasets.map(({ path }) => countDataRows(path)));
  const wanted = rowCounts.map((count, index) => (count === 0 ? 0 : wantedRows(recipe.datasets[index]!.size, count)));
  const total = wanted.reduce((sum, count) => sum + count, 0) * passesOver(outputFile);
  const step = { stage: "datasets", step: "mix", unit: "rows", total } as const;
  yield { type: "step-start", ...step };
  /** As they stand in the first set. */
  let order: (typeof columns)[number][] | undefined;
  let done = 0;
  async function* rows(tell: (done: number) => void): AsyncGenerator<DataRow> {
    for (const [index, { path, size }] of recipe.datasets.entries()) {
      const account = datasets[index]!;
      account.rows = 0;
      account.leftOut = 0;
      let position = 0;
      for await (const row of sampleRowsOfFile(path, size, rowCounts[index]!, options)) {
        throwIfAborted(signal);
        position += 1;
        done += 1;
        if (done % ROWS_BETWEEN_PROGRESS === 0) tell(done);
        const mixed = mixedRow(row, { systemPrompt, makesIds }, `${path}, row ${position}`);
        if (mixed === undefined) account.leftOut += 1;
        else {
          account.rows += 1;
          order ??= [...columns].sort((a, b) => placeOf(row, a) - placeOf(row, b));
          yield Object.fromEntries(order.map((column) => [column, mixed[column]]));
        }
      }
    }
  }
  yield* workFrom((emit) =>
    writeDataFile(outputFile, () => rows((done) => emit({ type: "step-progress", ...step, done }))),
  );
  yield { type: "step-end", stage: "datasets", step: "mix", seconds: (performance.now() - startedAt) / 1000 };
  return { outputFile, rows: datasets.reduce((sum, dataset) => sum + dataset.rows, 0), datasets };
}

function placeOf(row: DataRow, column: string): number {
  const place = Object.keys(row).indexOf(column);
  return place < 0 ? Number.MAX_SAFE_INTEGER : place;
}

/** Further columns go into the metadata; undefined when a message but the system's is empty. */
function mixedRow(
  row: DataRow,
  { systemPrompt, makesIds }: { systemPrompt: string | undefined; makesIds: boolean },
  place: string,
): Row | undefined {
  const { messages, metadata, id, unmask } = row;
  if (!Array.isArray(messages) || messages.some((message) => typeof message !== "object" || message === null))
    throw badRow(`${place}: no list 'messages'`);
  const turns = (messages as Row[]).map(({ role, content, ...rest }) => ({ role, content, ...present(rest) }) as Row);
  if (turns.some(({ role, content }) => role !== "system" && !content)) return undefined;
  const others = withWholeFloatsOf(
    row,
    Object.fromEntries(Object.entries(row).filter(([name]) => !columns.some((column) => column === name))),
  );
  return {
    messages: withSystem(turns, systemPrompt),
    metadata: mergedMetadata(metadata, others, place),
    id: typeof id === "string" && id !== "" ? id : makesIds ? sampleId(turns) : null,
    unmask: unmask === true,
  };
}

/** Parquet and pandas fill up with nulls what some rows have and others have not. */
function present(fields: Row): Row {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}

function withSystem(turns: Row[], systemPrompt: string | undefined): Row[] {
  if (systemPrompt === undefined) return turns;
  if (!turns.some(({ role }) => role === "system")) return [{ role: "system", content: systemPrompt }, ...turns];
  return turns.map((turn) => (turn["role"] === "system" ? { ...turn, content: systemPrompt } : turn));
}

function mergedMetadata(metadata: unknown, others: DataRow, place: string): string {
  let known: unknown = metadata ?? {};
  if (typeof metadata === "string") {
    try {
      known = parseNotedJson(metadata);
    } catch {
      throw badRow(`${place}: 'metadata' is no JSON text`);
    }
  }
  return toAsciiJson(
    withWholeFloatsOf(others, withWholeFloatsOf(known as object, { ...(known as object), ...others })),
  );
}

function badRow(message: string): IlabError {
  return new IlabError({
    code: "BAD_ROW",
    message,
    hint: 'Every row must look like {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}.',
  });
}
