/** Runs an action for every item, several at once, and tells how many are done; results keep the order of the items. */

export async function* runAll<Item, Result>(
  items: readonly Item[],
  limit: number,
  action: (item: Item, index: number) => Promise<Result>,
): AsyncGenerator<number, Result[], void> {
  const results = new Array<Result>(items.length);
  const running = new Map<number, Promise<number>>();
  let started = 0;
  let done = 0;
  const start = () => {
    const index = started;
    started += 1;
    running.set(
      index,
      action(items[index]!, index).then((result) => {
        results[index] = result;
        return index;
      }),
    );
  };
  try {
    while (done < items.length) {
      while (started < items.length && running.size < Math.max(1, limit)) start();
      running.delete(await Promise.race(running.values()));
      done += 1;
      yield done;
    }
    return results;
  } finally {
    // When one fails, the others end before the model is closed under them.
    await Promise.allSettled(running.values());
  }
}
