/**
 * Two-letter flags such as `-qq` that the Python program has and commander does not know: they are replaced by their long form
 * before parsing. Everything after `--` is left alone.
 */
const longForms: Record<string, string> = {
  "-dt": "--detached",
  "-md": "--model-dir",
  "-nd": "--no-decoration",
  "-qq": "--quick-question",
  "-rl": "--release",
  "-rp": "--repository",
  "-sd": "--skip-de-quantize",
  "-sq": "--skip-quantize",
  "-wc": "--without-comments",
};

export function expandTwoLetterFlags(words: readonly string[]): string[] {
  const end = words.indexOf("--");
  return words.map((word, index) =>
    (end === -1 || index < end) && Object.hasOwn(longForms, word) ? longForms[word]! : word,
  );
}
