/** The fixed set that a leaf's answers come from (names of desks, classes), when its seeds repeat them; undefined for free answers. */
export function fixedAnswers(answers: readonly string[]): Set<string> | undefined {
  const labels = new Set(answers.map((answer) => answer.trim()));
  return answers.length >= 4 && labels.size <= answers.length / 2 ? labels : undefined;
}
