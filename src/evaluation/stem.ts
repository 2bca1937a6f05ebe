/** A light stem: plural, -ed and -ing go, so that `houses`, `house` and `housed` are one word. Only for comparing words with each other. */

/** `word` in lower case without diacritics. */
export function stem(word: string): string {
  let base = word;
  if (/^.{2,}(ies|ied)$/.test(base)) return `${base.slice(0, -3)}y`;
  if (/(ss|x|ch|sh|zz)es$/.test(base)) base = base.slice(0, -2);
  else if (/[^su]s$/.test(base) && base.length > 3 && !base.endsWith("is")) base = base.slice(0, -1);
  return withoutEnding(base, "ing") ?? withoutEnding(base, "ed") ?? base;
}

function withoutEnding(word: string, ending: string): string | undefined {
  if (!word.endsWith(ending)) return undefined;
  const base = word.slice(0, -ending.length);
  // Words such as "spring", "seed" and "bed" are whole.
  if (base.length < 2 || !/[aeiouy]/.test(base) || (base.length < 3 && ending === "ed")) return undefined;
  if (/([bdfgmnprt])\1$/.test(base)) return base.slice(0, -1);
  return hasLostItsE(base) ? `${base}e` : base;
}

/** hous(e), danc(e), mov(e), rescu(e); bak(e), nam(e): one syllable with a single vowel; locat(e). */
function hasLostItsE(base: string): boolean {
  if (/([aeiou]s|[cvzu]|[nr]g)$/.test(base)) return true;
  if (/^[^aeiouy]*[aeiouy][bdfgklmnprt]$/.test(base)) return true;
  return /[aeiouy].*[^aeiou]at$/.test(base);
}
