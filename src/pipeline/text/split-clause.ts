/** The main clause of a plain English sentence in three parts: who or what, the verb, and what is said. Undefined where that is not plain. */

export interface Clause {
  subject: string;
  verb: string;
  rest: string;
  /** A time at the head of the sentence: "In 1644". */
  time?: string;
}

const copulas = /^(?:is|was|are|were|has|have|had)$/;
const modals = /^(?:must|can|may|will|should|could|would|then|also|never|not)$/;
const verbs = new RegExp(
  `^(?:${`built wrote made led found held kept sold bought lies lie stands stand lives live weighs weigh costs cost measures reaches
  crosses holds sells grows grow keeps uses use plays play runs rises gives shows shelters contains begins starts takes produces feeds eats
  hunts lasts works sends opens closes meets serves carries connects bears charges needs sails comes blinks removes appears graze earn
  speak leads owns makes weaves bakes paints rings repairs reads writes tells protects guards feeds flows joins links separates`
    .trim()
    .split(/\s+/)
    .join("|")}|\\p{Ll}{3,}ed)$`,
  "u",
);
const notSubject =
  /^(?:In|On|At|After|Before|During|Since|Because|When|While|If|According|From|To|With|Without|By|For|There|This|That|These|Those|It|Its|They|Their|He|She|His|Her|Between|Under|Near|Today|Once|Until|Although|Though)$/;

export function splitMainClause(sentence: string): Clause | undefined {
  let text = sentence.trim().replace(/[.!]+$/, "");
  if (/["“”?:;()]/.test(text)) return undefined;
  const head = text.match(/^((?:In|Around|Since) (?:the year )?\d{4}),? (.+)$/);
  const time = head?.[1];
  if (head) text = head[2]!.charAt(0).toUpperCase() + head[2]!.slice(1);
  // An insertion between subject and verb says something else; leave it out.
  text = text.replace(/^([^,]{3,60}), [^,]{3,80}, (?=is |was |are |were |has |have |had |\p{Ll}+(?:s|ed) )/u, "$1 ");
  text = text.split(
    /, (?:and|but|which|who|so|because|where|when|while|whose|that|or)\b| because | so that | which | who | where | while |, /,
  )[0]!;
  const words = text.split(" ");
  if (notSubject.test(words[0]!)) return undefined;
  for (let index = 1; index < Math.min(words.length - 1, 9); index++) {
    const word = words[index]!;
    if (modals.test(word) || /^(?:called|named|known)$/.test(word)) return undefined;
    if (!copulas.test(word) && !verbs.test(word)) continue;
    // A participle behind its noun ("the boat built in 1902 sank") is no main verb.
    if (!copulas.test(word) && words.slice(index + 1).some((later) => copulas.test(later))) return undefined;
    const rest = words.slice(index + 1).join(" ");
    // A second verb after "and" belongs to another statement about the subject.
    const first = rest.split(/ and (?=(?:is|was|are|were|has|have|had|turns|needs|\p{Ll}+ed)\b)/u)[0]!;
    return {
      subject: words.slice(0, index).join(" "),
      verb: word,
      rest: first,
      ...(time === undefined ? {} : { time }),
    };
  }
  return undefined;
}
