/**
 * Requests waiting for their turn: at most `limit` run at once, the earliest stage first and, within a stage, the order of asking. Early stages
 * first keeps the places filled to the end, because every early answer brings later requests with it; the order of asking keeps prompts that begin
 * alike together, which servers with prefix caches reward.
 */

export interface RequestQueue {
  run<T>(stage: number, work: () => Promise<T>): Promise<T>;
  /** Resolves once fewer than `count` requests are waiting. */
  room(count: number): Promise<void> | undefined;
}

export function createRequestQueue(limit: number): RequestQueue {
  /** One line of starts per stage; stages are few. */
  const lines: (Line | undefined)[] = [];
  let free = limit;
  /** Requests that have no place yet. */
  let waiting = 0;
  let watchers: { count: number; resolve: () => void }[] = [];

  function next(): (() => void) | undefined {
    for (const line of lines) {
      const start = line?.shift();
      if (start !== undefined) {
        waiting -= 1;
        return start;
      }
    }
    return undefined;
  }

  function release(): void {
    const start = next();
    if (start === undefined) free += 1;
    else start();
    if (watchers.length === 0) return;
    for (const { resolve } of watchers.filter(({ count }) => waiting < count)) resolve();
    watchers = watchers.filter(({ count }) => waiting >= count);
  }

  return {
    async run(stage, work) {
      if (free > 0) free -= 1;
      else {
        waiting += 1;
        lines[stage] ??= new Line();
        await new Promise<void>((resolve) => lines[stage]!.push(resolve));
      }
      try {
        return await work();
      } finally {
        release();
      }
    },
    room: (count) => (waiting < count ? undefined : new Promise((resolve) => watchers.push({ count, resolve }))),
  };
}

/** First in, first out, without moving the rest at every step. */
class Line {
  #items: (() => void)[] = [];
  #head = 0;

  push(item: () => void): void {
    this.#items.push(item);
  }

  shift(): (() => void) | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#head += 1;
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}
