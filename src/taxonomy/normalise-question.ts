/** Questions as they are compared: case, punctuation, accents' encoding and blanks make no difference. */

export function wordsOf(text: string): string[] {
  return (
    text
      .normalize("NFKC")
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  );
}

export function normaliseQuestion(question: string): string {
  return wordsOf(question).join(" ");
}
