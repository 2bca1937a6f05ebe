/** Turns the growing text of a generation into pieces that will not change any more, and ends it before the first stop string. */

export interface TextStream {
  /** Takes the whole text so far; returns the new piece that is safe to show. */
  update(text: string): string;
  /** The rest, when generation ended by itself. */
  finish(): string;
  /** A stop string came. */
  readonly isStopped: boolean;
  /** Everything handed out so far. */
  readonly text: string;
}

export function createTextStream(stop: readonly string[] = []): TextStream {
  const stops = stop.filter((text) => text !== "");
  let latest = "";
  let shown = "";
  let isStopped = false;
  const show = (end: number): string => {
    const piece = latest.slice(shown.length, end);
    shown += piece;
    return piece;
  };
  return {
    update(text) {
      if (isStopped) return "";
      latest = text;
      const found = stops.map((candidate) => latest.indexOf(candidate)).filter((index) => index >= 0);
      if (found.length > 0) {
        isStopped = true;
        return show(Math.min(...found));
      }
      return show(latest.length - heldBack(latest, stops));
    },
    finish: () => (isStopped ? "" : show(latest.length)),
    get isStopped() {
      return isStopped;
    },
    get text() {
      return shown;
    },
  };
}

/** Characters at the end that may still become part of a stop string or of an unfinished UTF-8 sequence. */
function heldBack(text: string, stops: readonly string[]): number {
  let held = /\uFFFD*$/.exec(text)![0].length;
  for (const stop of stops)
    for (let length = Math.min(stop.length - 1, text.length); length > held; length--)
      if (text.endsWith(stop.slice(0, length))) held = length;
  return held;
}
