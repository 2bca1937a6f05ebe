/**
 * File name patterns as Python's `glob` reads them (`*`, `?`, `[a-z]`, `[!a-z]`, `**` for any depth; a leading dot is only
 * matched by a dot), because taxonomies were written for it. Matching takes time in proportion to pattern times path.
 */

/** Why a pattern is refused, in words that follow "the pattern ... "; undefined when it is fine. */
export function patternProblem(pattern: string): string | undefined {
  if (pattern.trim() === "") return "is empty";
  if (pattern.length > MAX_PATTERN_LENGTH) return `is longer than ${MAX_PATTERN_LENGTH} characters`;
  if (/^([/\\~]|[A-Za-z]:)/.test(pattern)) return "is not relative to the root of the documents";
  if (/(^|[/\\])\.\.([/\\]|$)/.test(pattern)) return "leaves the root of the documents with '..'";
  if (pattern.includes("\0")) return "holds a NUL character";
  return undefined;
}

/** Longest pattern that a real taxonomy would hold, many times over. */
const MAX_PATTERN_LENGTH = 500;

/** Whether a relative path with `/` between its parts matches. */
export function matchesPattern(pattern: string, path: string): boolean {
  const parts = pattern.split("/").filter((part) => part !== "" && part !== ".");
  return matchWithStars(
    parts,
    path.split("/"),
    (part) => part === "**",
    (part, name) => matchesName(part, name),
    (name) => !name.startsWith("."),
  );
}

function matchesName(part: string, name: string): boolean {
  if (name.startsWith(".") && !part.startsWith(".")) return false;
  return matchWithStars(
    part.match(/\[!?\]?[^\]]*\]|[\s\S]/gu) ?? [],
    [...name],
    (token) => token === "*",
    matchesCharacter,
    () => true,
  );
}

function matchesCharacter(token: string, character: string): boolean {
  if (token === "?") return true;
  if (token.length < 3 || !token.startsWith("[")) return token === character;
  const isNegated = token[1] === "!";
  const members = [...token.slice(isNegated ? 2 : 1, -1)];
  let isMember = false;
  for (let i = 0; i < members.length; i++) {
    const isRange = members[i + 1] === "-" && i + 2 < members.length;
    if (isRange ? members[i]! <= character && character <= members[i + 2]! : members[i] === character) isMember = true;
    if (isRange) i += 2;
  }
  return isMember !== isNegated;
}

/** The classic greedy match with one point of return: only the last star needs to be tried again, so nothing explodes. */
function matchWithStars<Token>(
  tokens: readonly Token[],
  items: readonly string[],
  isStar: (token: Token) => boolean,
  matches: (token: Token, item: string) => boolean,
  starMayTake: (item: string) => boolean,
): boolean {
  let token = 0;
  let item = 0;
  let lastStar = -1;
  let takenUpTo = 0;
  while (item < items.length) {
    if (token < tokens.length && isStar(tokens[token]!)) {
      lastStar = token++;
      takenUpTo = item;
    } else if (token < tokens.length && matches(tokens[token]!, items[item]!)) {
      token += 1;
      item += 1;
    } else if (lastStar >= 0 && starMayTake(items[takenUpTo]!)) {
      token = lastStar + 1;
      item = ++takenUpTo;
    } else return false;
  }
  while (token < tokens.length && isStar(tokens[token]!)) token += 1;
  return token === tokens.length;
}
