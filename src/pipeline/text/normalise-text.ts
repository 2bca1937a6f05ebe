/** Text without case, accents of layout and closing punctuation, so that two writings of one thing compare equal. */
export function normaliseText(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[’‘]/g, "'")
    .replace(/[“”"]/g, "")
    .replace(/[\s.,;:!?]+(?=\s|$)/g, "")
    .replace(/\s+/g, " ")
    .trim();
}
