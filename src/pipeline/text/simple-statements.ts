/**
 * Plain statements inside a longer English sentence, each as a sentence of its own: what a relative clause, an apposition or a second
 * predicate says. Only where who or what it is about stands right there; the sentence itself comes first.
 */
import { splitMainClause } from "./split-clause.ts";
import { functionWords } from "./word-tables.ts";

const finite = String.raw`(?:is|was|are|were|has|have|had|\p{Ll}{2,}(?:s|ed)|built|made|led|grew|sold|ran|went|came|took|gave)`;

/** @param sentence one that stands alone. */
export function simpleStatements(sentence: string): string[] {
  const text = sentence.trim().replace(/[.!]+$/, "");
  if (/["“”?:;()]/.test(text)) return [sentence];
  const found = [
    ...relativeClauses(text),
    ...namings(text),
    ...appositions(text),
    ...secondPredicates(text),
    ...reasons(text),
  ];
  return [
    sentence,
    ...new Set(found.map((statement) => `${capital(statement.replace(/\s+/g, " ").replace(/[ ,]+$/, ""))}.`)),
  ];
}

/** "… the marsh eagle, which hunts at dawn" -> "The marsh eagle hunts at dawn". */
function relativeClauses(text: string): string[] {
  return [...text.matchAll(new RegExp(`, (?:which|who) (${finite} [^,]+)`, "gu"))].flatMap((match) => {
    if (/^is why\b|^means\b/.test(match[1]!)) return [];
    const head = text.slice(0, match.index);
    const antecedent = nounPhraseAtEnd(head);
    // "the longest net in the world, which …": the net is meant, not the world.
    if (antecedent !== undefined && /\b(?:in|at|with|of|for)$/.test(head.slice(0, -antecedent.length).trim()))
      return [];
    const agrees =
      antecedent !== undefined &&
      (/^(?:is|was|has)\b|^\p{Ll}+[^s]s\b/u.test(match[1]!) ? !/^(?:the )?\p{Ll}+s$/u.test(antecedent) : true);
    return agrees ? [`${antecedent} ${match[1]}`] : [];
  });
}

/** "the Osk mill, the largest employer, …" -> "The Osk mill is the largest employer". */
function appositions(text: string): string[] {
  return [...text.matchAll(/, ((?:an?|the) \p{Ll}[^,]*)(?=,|$)/gu)].flatMap((match) => {
    const head = text.slice(0, match.index);
    const antecedent = nounPhraseAtEnd(head);
    // A third member of a list looks like an apposition.
    if (antecedent === undefined || / and /.test(match[1]!) || (head.match(/,/g)?.length ?? 0) > 1) return [];
    return new RegExp(` ${finite} `, "u").test(` ${match[1]} `) && !/\b(?:that|called|named)\b/.test(match[1]!)
      ? []
      : [`${antecedent} is ${match[1]}`];
  });
}

/** "The mill was opened in 1831 and has 310 workers" -> "The mill has 310 workers"; "…, and the oldest is red" -> "The oldest is red". */
function secondPredicates(text: string): string[] {
  const found: string[] = [];
  const clause = splitMainClause(`${text}.`);
  const own = text.match(/ and ((?:is|was|are|were|has|have|had|\p{Ll}{3,}s|\p{Ll}{3,}ed) [^,]+)$/u);
  const plain = clause !== undefined && (text.match(/, /g)?.length ?? 0) === 0;
  // "weighs 5 kilograms and measures 62": a verb like the first; "ears and toes …" is none.
  if (
    plain && own && !/^(?:is|was|are|were) /.test(own[1]!)
      ? sameForm(clause!.verb, own[1]!.split(" ")[0]!)
      : plain && own
  )
    found.push(`${clause!.subject} ${own![1]}`);
  const other = text.match(new RegExp(`, (?:and|but) ((?:[Tt]he|[Aa]n?) (?:[\\p{L}-]+ ){1,4}?${finite} [^,]+)$`, "u"));
  if (other && !/\b(?:them|it|they|its|their)\b/.test(other[1]!)) found.push(other[1]!);
  return found;
}

/** "three wind turbines, which the islanders have named Ada and Berta" -> "The three wind turbines are named Ada and Berta". */
function namings(text: string): string[] {
  const match = new RegExp(
    `((?:\\p{Ll}+ ){0,3}\\p{Ll}+)(?:, which| that| which) (?:(?:the |an? )?\\p{L}+ ){1,3}(?:have |has |had )?(named|call|called|calls) (${nameAtEnd}(?:(?:,| and) ${nameAtEnd})*)$`,
    "u",
  ).exec(text);
  if (match === null) return [];
  const thing = match[1]!
    .trim()
    .split(" ")
    .slice(-3)
    .join(" ")
    .replace(/^.*\b(?:from|of|in|on|by|with|is|are|has|have|the|an?) /u, "");
  return thing === ""
    ? []
    : [`The ${thing} ${/s$/.test(thing) ? "are" : "is"} ${match[2] === "named" ? "named" : "called"} ${match[3]}`];
}

/** "…, because some 9,000 sheep graze on the hills" -> "Some 9,000 sheep graze on the hills". */
function reasons(text: string): string[] {
  const match = /,? (?:because|while|whereas|although) ((?:the|an?|some|about|\d|\p{Lu}).+)$/u.exec(text);
  return match !== null && splitMainClause(capital(match[1]!)) !== undefined ? [match[1]!] : [];
}

function sameForm(first: string, second: string): boolean {
  if (/^(?:is|was|has|are|were|have)$/.test(second)) return true;
  const present = (verb: string) => /s$/.test(verb) && verb !== "was";
  return present(first) === present(second) && !functionWords.has(second);
}

const nameAtEnd = String.raw`\p{Lu}[\p{L}'’-]*(?: (?:of )?(?:the )?\p{Lu}[\p{L}'’-]*)*`;
/** From the longest to the shortest that could be meant. */
const nounPhrases = [
  new RegExp(`(?:^|\\s)((?:[Tt]he|[Aa]n?) (?:\\p{Ll}[\\p{Ll}-]* ){0,3}${nameAtEnd})$`, "u"),
  new RegExp(`(?:^|\\s)(${nameAtEnd})$`, "u"),
  /(?:^|\s)((?:[Tt]he|[Aa]n?) (?:\p{Ll}[\p{Ll}-]* ){0,2}\p{Ll}[\p{Ll}-]*)$/u,
  /\b(?:on|from|is|are) ((?:\p{Ll}[\p{Ll}-]* )?\p{Ll}[\p{Ll}-]*)$/u,
];

/** "… is the marsh eagle" -> "the marsh eagle"; "… the botanist Henrike Sallow" -> all of it. */
function nounPhraseAtEnd(text: string): string | undefined {
  for (const pattern of nounPhrases) {
    const phrase = text.match(pattern)?.[1];
    if (phrase === undefined) continue;
    const inner = phrase.replace(/^(?:the|an?) /i, "").split(" ");
    if (inner.some((word) => functionWords.has(word) && word !== "of" && word !== "the")) continue;
    return /\b(?:and|or|of|&)$/.test(text.slice(0, -phrase.length).trim()) ? undefined : phrase;
  }
  return undefined;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
