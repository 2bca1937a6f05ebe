/** How deep lists and quotes of a Markdown text nest, in one pass and rather too deep than not: the parser reads a text once per level. */

const RULE = /^[ \t]*(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,})$/;
const TAB_COLUMNS = 4;

interface Marker {
  column: number;
  isQuote: boolean;
}

export function markdownNesting(text: string): number {
  /** Around a line; their columns ascend. */
  let open: Marker[] = [];
  let deepest = 0;
  let isBehindBlank = false;
  for (const line of text.split("\n")) {
    const isBlank = line.trim() === "";
    if (!isBlank && !RULE.test(line)) {
      const markers = markersOf(line);
      let kept = 0;
      for (const { column, isQuote } of markers) {
        while (kept < open.length && open[kept]!.column < column) kept += 1;
        // A quote is marked on all of its lines; what is open inside goes on.
        if (!isQuote || !open[kept]?.isQuote) open.splice(kept, open.length, { column, isQuote });
        kept += 1;
      }
      // Without an empty line before it, a line goes on with the paragraph above, however far left it begins.
      if (markers.length === 0 && isBehindBlank) {
        const start = line.search(/\S/);
        open = open.filter(({ column }) => column < start);
      }
      deepest = Math.max(deepest, open.length);
    }
    isBehindBlank = isBlank;
  }
  return deepest;
}

/** `>`, `-`, `*`, `+`, `1.` and `1)` before a line's text. */
function markersOf(line: string): Marker[] {
  const markers: Marker[] = [];
  let column = 0;
  for (const [piece, space, marker] of line.matchAll(/([ \t])|(>|(?:[-*+]|\d{1,9}[.)])(?=[ \t\r]|$))|./gu)) {
    if (space !== undefined) column += space === "\t" ? TAB_COLUMNS - (column % TAB_COLUMNS) : 1;
    else if (marker === undefined) break;
    else {
      markers.push({ column, isQuote: marker === ">" });
      column += piece.length;
    }
  }
  return markers;
}
