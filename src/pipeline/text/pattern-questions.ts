/**
 * Questions that the grammar of a plain English sentence gives away, with answers that are right by construction. Only shapes that
 * are hard to get wrong; a sentence of another shape yields nothing. They stand beside what the teacher writes.
 */
import { splitMainClause } from "./split-clause.ts";
import { functionWords, numberWords } from "./word-tables.ts";

export interface PatternPair {
  question: string;
  response: string;
}

const number = String.raw`(?:(?:about|nearly|roughly|almost|around|some|over|only|more than|at least|up to) )?(?:\d[\d.,]*\d|\d|(?:minus )?\d+|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|(?:\p{Ll}+ )?hundred|(?:\p{Ll}+ )?thousand)`;
const day = String.raw`(?:on (?:the )?\d{1,2}(?:st|nd|rd|th)? \p{Lu}\p{Ll}+ \d{4}|(?:in|around|since|about) (?:the year )?\d{4}|in \p{Lu}\p{Ll}+ \d{4})`;
const name = String.raw`\p{Lu}[\p{L}'’-]*(?: (?:of )?(?:the )?\p{Lu}[\p{L}'’-]*)*`;

/** Past participles that are also the past form. */
const pastForms = /^(?:\p{Ll}+ed|built|made|led|found|held|kept|sold|bought|won|lost|taught|brought)$/u;

/** @param sentence one that stands alone. */
export function patternQuestions(sentence: string): PatternPair[] {
  const pairs: PatternPair[] = [];
  const add = (question: string, response: string) => {
    const answer = response.trim().replace(/[.,;]+$/, "");
    pairs.push({ question: `${capital(tidy(question))}?`, response: `${capital(answer)}.` });
  };
  named(sentence, add);
  const clause = splitMainClause(sentence);
  if (clause === undefined) return pairs;
  const { subject, verb, rest, time } = clause;
  passive(clause, add);
  counted(clause, add);
  placed(clause, add);
  const isCopula = /^(?:is|was|are|were)$/.test(verb);
  const what = new RegExp(`^${name}$`, "u").test(rest) && isPerson(rest) ? "Who" : "What";
  if (isCopula && !isPerson(subject) && (/^(?:an? |the )\p{Ll}/u.test(rest) || new RegExp(`^${name}$`, "u").test(rest)))
    add(`${what} ${verb} ${inside(subject)}`, `${subject} ${verb} ${rest}`);
  if (isPerson(subject)) {
    if (pastForms.test(verb)) add(`Who ${verb} ${rest}`, subject);
  } else if (what === "What" && isSingular(subject, verb) && isTelling(verb, rest))
    add(`What ${verb} ${rest}${time === undefined ? "" : ` ${lower(time)}`}`, subject);
  const base = baseForm(verb);
  if (
    base !== undefined &&
    /^(?:an? |the |its |\p{Lu}|\p{Ll}+ (?:\p{Ll}+$|with|in|at|on))/u.test(rest) &&
    !/^(?:up|down|in|on|at|from|to|home|as|for|with|between|under|near|place|only|birth)\b/.test(rest)
  )
    add(`What does ${inside(subject)} ${base}`, `${subject} ${verb} ${rest}`);
  return pairs;
}

type Add = (question: string, response: string) => void;
type Clause = NonNullable<ReturnType<typeof splitMainClause>>;

/** "a white grape called Pelline", "the ferry Heron". */
function named(sentence: string, add: Add): void {
  for (const [, thing, given] of sentence.matchAll(
    new RegExp(
      `\\b(?:[Aa]n?|[Tt]he) ((?:\\p{Ll}[\\p{Ll}-]* ){0,3}\\p{Ll}[\\p{Ll}-]*) (?:(?:is |was |which is |that is )?(?:called|named)) (?:the )?(${name})`,
      "gu",
    ),
  )) {
    if (!isNounPhrase(thing!)) continue;
    add(`What is the name of the ${thing}`, given!);
    add(`What is the ${thing} called`, `The ${thing} is called ${given}`);
  }
  for (const [, thing, given] of sentence.matchAll(
    new RegExp(`\\b[Tt]he ((?:\\p{Ll}[\\p{Ll}-]* ){0,2}\\p{Ll}[\\p{Ll}-]*) (${name})`, "gu"),
  )) {
    if (!isNounPhrase(thing!)) continue;
    add(`What is the name of the ${thing}`, given!);
  }
}

/** "X was founded in 1482 by the ferryman Aldous Fenn". */
function passive({ subject, verb, rest, time }: Clause, add: Add): void {
  if (!/^(?:is|was|are|were)$/.test(verb)) return;
  const match = rest.match(/^((?:first |also )?(\p{Ll}+))\b(.*)$/u);
  if (
    !match ||
    !(
      pastForms.test(match[2]!) ||
      /^(?:known|written|spoken|grown|born|given|shown|drawn|seen|worn|eaten)$/.test(match[2]!)
    )
  )
    return;
  const [, done, participle, tail] = match;
  const when = time ?? tail!.match(new RegExp(`\\b${day}`, "u"))?.[0];
  if (when !== undefined) {
    add(`When ${verb} ${inside(subject)} ${done}`, `${subject} ${verb} ${done} ${lower(when)}`);
    if (/\d{4}$/.test(when) && /^in/i.test(when)) add(`In which year ${verb} ${inside(subject)} ${done}`, when);
  }
  const agent = tail!.match(
    /^(?:.*?) ?\bby ((?:the |a |an )?(?:\p{Ll}+ ){0,3}\p{Lu}[\p{L}'’-]*(?: \p{Lu}[\p{L}'’-]*)*|(?:the |a |an )\p{Ll}+(?: \p{Ll}+)?)$|\bby ((?:the |a |an )?(?:\p{Ll}+ ){0,3}\p{Lu}[\p{L}'’-]*(?: \p{Lu}[\p{L}'’-]*)*)/u,
  );
  const by = agent?.[1] ?? agent?.[2];
  if (by === undefined) return;
  const wh = /\p{Lu}/u.test(by) ? "who" : "what";
  add(`By ${wh === "who" ? "whom" : "what"} ${verb} ${inside(subject)} ${done}`, by);
  if (/^(?:was|were)$/.test(verb) && pastForms.test(participle!)) add(`${wh} ${done} ${inside(subject)}`, by);
}

/** "X has seven gates", "X is 11 kilometres long", "4,300 people live in X". */
function counted({ subject, verb, rest }: Clause, add: Add): void {
  const has = rest.match(
    new RegExp(
      `^(${number}) ((?:\\p{Ll}[\\p{Ll}-]* ){0,2}?\\p{Ll}[\\p{Ll}-]*)(?:$| (?:and|with|in|on|at|from|of|for)\\b)`,
      "u",
    ),
  );
  if (/^(?:has|have|had)$/.test(verb) && has)
    add(
      `How many ${has[2]} ${verb === "had" ? "did" : verb === "has" ? "does" : "do"} ${inside(subject)} have`,
      `${subject} ${verb} ${has[1]} ${has[2]}`,
    );
  const size = rest.match(new RegExp(`^(${number} \\p{Ll}+) (long|high|tall|deep|wide|old|thick|heavy)\\b`, "u"));
  if (/^(?:is|was|are|were)$/.test(verb) && size)
    add(`How ${size[2]} ${verb} ${inside(subject)}`, `${subject} ${verb} ${size[1]} ${size[2]}`);
  const deep = rest.match(new RegExp(` and (${number} \\p{Ll}+) (long|high|tall|deep|wide|old|thick|heavy)\\b`, "u"));
  if (/^(?:is|was|are|were)$/.test(verb) && deep)
    add(`How ${deep[2]} ${verb} ${inside(subject)}`, `${subject} ${verb} ${deep[1]} ${deep[2]}`);
  const amount = rest.match(new RegExp(`^(${number} \\p{Ll}+)`, "u"));
  if (/^(?:weighs|costs)$/.test(verb) && amount) {
    add(`How much does ${inside(subject)} ${verb.slice(0, -1)}`, `${subject} ${verb} ${amount[1]}`);
    if (verb === "weighs") add(`How heavy is ${inside(subject)}`, `${subject} ${verb} ${amount[1]}`);
  }
  const people = `${subject} ${verb} ${rest}`.match(
    new RegExp(`^(${number}) (\\p{Ll}+) (live|lived|work|worked|graze) (.+)$`, "iu"),
  );
  if (people) add(`How many ${people[2]} ${people[3]} ${people[4]}`, `${people[1]} ${people[2]}`);
}

/** "stands in the old salt house", "crosses the lake six times a day", "lasts 19 days". */
function placed({ subject, verb, rest }: Clause, add: Add): void {
  const base = baseForm(verb);
  if (base === undefined) return;
  const who = inside(subject);
  if (
    /^(?:lie|stand|meet|live|rise)$/.test(base) &&
    /^(?:in|on|at|near|above|below|beside|between|behind) (?!January|February|March|April|May|June|July|August|September|October|November|December|the (?:first|second|third|fourth|last))/.test(
      rest,
    )
  )
    add(`Where does ${who} ${base}`, `${subject} ${verb} ${rest}`);
  const often = rest.match(
    /^(.*?) ?\b(every (?:\d+ )?\p{L}+|(?:once|twice|\p{Ll}+ times) (?:a|an|each|every) \p{Ll}+)\b/u,
  );
  if (often && often[1] !== "place")
    add(`How often does ${who} ${base} ${often[1]}`, `${subject} ${verb} ${often[1]} ${often[2]}`);
  const span = rest.match(new RegExp(`^(?:for )?(${number} (?:days|weeks|months|years|hours|minutes))\\b`, "u"));
  if (span && /^(?:last|live|take)$/.test(base)) add(`How long does ${who} ${base}`, `${subject} ${verb} ${span[1]}`);
}

/** Third person singular to the form after "does"; undefined for other forms. */
export function baseForm(verb: string): string | undefined {
  if (!/^\p{Ll}{2,}s$/u.test(verb) || /^(?:is|was|has)$/.test(verb) || /ss$/.test(verb)) return undefined;
  if (/(?:ss|sh|ch|x|o)es$/.test(verb)) return verb.slice(0, -2);
  if (/[^aeiou]ies$/.test(verb) && verb.length > 4) return `${verb.slice(0, -3)}y`;
  return verb.slice(0, -1);
}

/** Fits behind "What": the verb is in the singular or in the past. */
function isSingular(subject: string, verb: string): boolean {
  if (/^(?:are|were|have)$/.test(verb)) return false;
  return /s$/.test(verb) || pastForms.test(verb) || verb === "had" ? !/^(?:\d|Most|All|Foxes)/.test(subject) : false;
}

/** "What has eight sensors?" could mean anything; a name or a longer statement points somewhere. */
function isTelling(verb: string, rest: string): boolean {
  if (/^an? /.test(rest)) return false;
  if (/\p{Lu}/u.test(rest)) return true;
  return (
    !/^(?:is|has|had|weighs|costs|measures|reaches|uses|begins|reached)$/.test(verb) && rest.split(" ").length >= 3
  );
}

/** No function word, no number and no verb inside: "yellow pear", not "body of the". */
function isNounPhrase(thing: string): boolean {
  return thing
    .split(" ")
    .every(
      (word) =>
        !functionWords.has(word) &&
        !numberWords.has(word) &&
        !/(?:ed|ing)$/.test(word) &&
        !/^(?:speak|name|term|year|month|than|late|end|then)$/.test(word),
    );
}

/** A first and a family name, perhaps behind an occupation: "The mayor Ilse Varden". */
function isPerson(subject: string): boolean {
  return /^(?:[Tt]he (?:\p{Ll}+ ){1,3})?(?!Mount |Lake |Port |River |Cape |Fort |Old |New |The )\p{Lu}\p{Ll}+ \p{Lu}\p{Ll}+$/u.test(
    subject,
  );
}

/** A subject in the middle of a sentence. */
function inside(subject: string): string {
  return subject.replace(/^(?:The|A|An|Every|Each|All|Most)\b/, (word) => word.toLowerCase());
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function tidy(text: string): string {
  return text
    .replace(/\s+/g, " ")
    .replace(/[ ,.;]+$/, "")
    .trim();
}
