/**
 * Questions about the parts behind the verb of a plain English clause: counted things ("needs four hours for the journey") and names
 * behind a preposition ("is sold in blue tins under the name Northlight"). The answer is the clause itself, so it is right by construction.
 */
import { baseForm, type PatternPair } from "./pattern-questions.ts";
import { type Clause, splitMainClause } from "./split-clause.ts";
import { numberWords } from "./word-tables.ts";

const capitalised = String.raw`\p{Lu}[\p{L}'’-]*`;
const nameText = `${capitalised}(?: (?:of )?(?:the )?${capitalised})*`;
/** Preposition, up to three plain words ("the merchant"), a name. */
const namedPhrase = new RegExp(
  `\\b(in|on|at|under|near|from|to|by|with|for|into|after) ((?:the |an? )?(?:\\p{Ll}[\\p{Ll}-]* ){0,2})(${nameText})(?=$| (?:in|on|at|under|near|from|to|by|with|for|and|every|since)\\b)`,
  "gu",
);
const monthOrDay =
  /^(?:January|February|March|April|May|June|July|August|September|October|November|December|\p{Lu}\p{Ll}+day)\b/u;
const passiveOrCopula = /^(?:is|was|are|were)$/;
/** What a passive begins with; "is the ski school at …" is no passive. */
const participle =
  /^(?:first |also |now |still )?(?:\p{Ll}+ed|built|made|led|found|held|kept|sold|bought|won|known|written|grown|born|given|shown|drawn|seen|taught|brought|spoken|worn)\b/u;
const linkingWords = /^(?:and|or|of|that|which|who|its|their|his|her|than|as)$/;

export function phraseQuestions(sentence: string): PatternPair[] {
  const clause = splitMainClause(sentence);
  return [
    ...namedThing(sentence),
    ...(clause === undefined ? [] : [...countedObject(clause), ...behindPrepositions(clause)]),
  ];
}

/** "The three wind turbines are named Ada and Berta" -> "What are the three wind turbines named?" */
function namedThing(sentence: string): PatternPair[] {
  const match = /^([^,]{3,50}) (is|was|are|were) (called|named) \p{Lu}.*\.$/u.exec(sentence);
  if (match === null) return [];
  const [, subject, verb, called] = match;
  return [{ question: question(`What ${verb} ${inside(subject!)} ${called}`), response: sentence }];
}

/** "The mail boat needs four hours for the journey" -> "How many hours does the mail boat need for the journey?" */
function countedObject(clause: Clause): PatternPair[] {
  const { subject, verb, rest } = clause;
  const ask = auxiliary(clause);
  if (ask === undefined || passiveOrCopula.test(verb) || verb === "has" || verb === "have") return [];
  const match =
    /^(?:about |nearly |roughly |up to |over |some |more than |at least )?([\p{L}\d.,-]+) (\p{Ll}{3,}s)\b(.*)$/u.exec(
      rest,
    );
  if (match === null) return [];
  const [, count, noun, behind] = match;
  // A second predicate says something else.
  const tail = behind!.split(/ and | or |, /)[0]!;
  if (!/^\d/.test(count!) && !numberWords.has(count!)) return [];
  return [
    {
      question: question(`How many ${noun} ${ask.verb} ${inside(subject)} ${ask.base}${tail}`),
      response: statement(clause),
    },
  ];
}

/** "… is sold under the name Northlight" -> "Under which name is … sold?"; "was sold to the merchant J. B." -> "To which merchant was …?" */
function behindPrepositions(clause: Clause): PatternPair[] {
  const { subject, verb, rest, time } = clause;
  const ask = auxiliary(clause);
  if (ask === undefined || (passiveOrCopula.test(verb) && !participle.test(rest))) return [];
  const pairs: PatternPair[] = [];
  for (const match of rest.matchAll(namedPhrase)) {
    const [whole, preposition, description, given] = match;
    if (monthOrDay.test(given!)) continue;
    const noun = description!.replace(/^(?:the|an?) /, "").trim();
    if (noun.split(" ").some((word) => linkingWords.test(word) || numberWords.has(word))) continue;
    const isPerson = /^\S+ \S+$/.test(given!) && /^(?:to|by|with|for|from)$/.test(preposition!);
    const asked = noun !== "" ? `which ${noun}` : isPerson ? "whom" : undefined;
    const remaining = `${rest.slice(0, match.index)}${rest.slice(match.index + whole.length)}`
      .replace(/\s+/g, " ")
      .trim();
    const head =
      asked !== undefined
        ? `${preposition} ${asked}`
        : /^(?:in|at|near)$/.test(preposition!)
          ? "where"
          : preposition === "from"
            ? "from where"
            : undefined;
    // What is left must still say what happens.
    if (head === undefined || remaining === "") continue;
    const when = time === undefined ? "" : ` ${time.charAt(0).toLowerCase()}${time.slice(1)}`;
    pairs.push({
      question: question(
        `${head} ${ask.verb} ${inside(subject)} ${ask.base === "" ? "" : `${ask.base} `}${remaining}${when}`,
      ),
      response: statement(clause),
    });
  }
  return pairs;
}

/** What comes before the subject in a question, and what remains of the verb behind it. */
function auxiliary({ verb }: Clause): { verb: string; base: string } | undefined {
  if (passiveOrCopula.test(verb)) return { verb, base: "" };
  const base = baseForm(verb);
  return base === undefined ? undefined : { verb: "does", base };
}

function statement({ subject, verb, rest, time }: Clause): string {
  const text = `${subject} ${verb} ${rest}${time === undefined ? "" : ` ${time.charAt(0).toLowerCase()}${time.slice(1)}`}`;
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function question(text: string): string {
  const tidy = text.replace(/\s+/g, " ").trim();
  return `${tidy.charAt(0).toUpperCase()}${tidy.slice(1)}?`;
}

function inside(subject: string): string {
  return subject.replace(/^(?:The|A|An|Every|Each|All|Most|Some)\b/, (word) => word.toLowerCase());
}
