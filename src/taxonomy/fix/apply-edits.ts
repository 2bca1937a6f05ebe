/** Puts other words in place of pieces of a text, all at once: one after the other would copy a long text each time. */

export interface Edit {
  start: number;
  end: number;
  words: string;
}

/** The pieces follow each other and do not overlap. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  const parts: string[] = [];
  let from = 0;
  for (const { start, end, words } of edits) {
    parts.push(text.slice(from, start), words);
    from = end;
  }
  return parts.join("") + text.slice(from);
}
