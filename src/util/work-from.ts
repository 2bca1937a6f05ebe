/** Turns a promise that reports through a callback into an async generator of events. */
import type { Work, WorkEvent } from "./events.ts";

export async function* workFrom<Result>(start: (emit: (event: WorkEvent) => void) => Promise<Result>): Work<Result> {
  const queue: WorkEvent[] = [];
  let wake: () => void = () => {};
  let ended = false;
  const running = start((event) => {
    queue.push(event);
    wake();
  }).finally(() => {
    ended = true;
    wake();
  });
  // The failure is thrown below; this keeps it from counting as unhandled while events are still being read.
  running.catch(() => {});
  for (;;) {
    const event = queue.shift();
    if (event) yield event;
    else if (ended) return await running;
    else
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (queue.length > 0 || ended) resolve();
      });
  }
}
