/** A text's letters and numbers alone, in lower case with single blanks between: two writings of one question compare equal. */
export function plainWords(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}
