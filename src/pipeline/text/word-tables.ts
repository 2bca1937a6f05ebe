/** Closed word classes of English that the text helpers need. */

const words = (text: string) => new Set(text.trim().split(/\s+/));

/** Words that carry no fact: articles, pronouns, prepositions, auxiliaries, question words, and a few that say nothing alone. */
export const functionWords: ReadonlySet<string> = words(`
  a about above according across after again against all along also although always am among an and any are around as at
  away be because been before behind being below beneath beside besides between beyond both but by called came can cannot
  come comes could did do does doing done down during each either else ever every few for from further get gets given
  goes had has have having he her here hers herself him himself his how however i if in into is it its itself just know
  known least less like located lot made main mainly make makes many may me might more most much must my name named names near
  neither never no nor not now of off often on once one only onto or other others our ours out over own per quite rather
  roughly said same say says see seen shall she should since so some someone something soon still such take takes than
  that the their theirs them themselves then there these they thing things this those though through thus to today
  together too toward towards under until up upon us use used uses using usually very via was we well were what whatever
  when where whether which while who whom whose why will with within without would yet you your`);

/** Words that point back to an earlier sentence when they stand at the head of one. */
export const pointingWords: ReadonlySet<string> = words("he her his it its she that their there these they this those");

export const numberWords: ReadonlyMap<string, string> = new Map(
  `zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
  eighteen nineteen twenty`
    .trim()
    .split(/\s+/)
    .map((word, value) => [word, String(value)]),
);
for (const [word, value] of Object.entries({
  thirty: "30",
  forty: "40",
  fifty: "50",
  sixty: "60",
  seventy: "70",
  eighty: "80",
  ninety: "90",
  hundred: "100",
  thousand: "1000",
  million: "1000000",
  half: "half",
  twice: "twice",
  once: "once",
  dozen: "12",
  third: "3",
  first: "1",
  second: "2",
  fourth: "4",
  fifth: "5",
}))
  (numberWords as Map<string, string>).set(word, value);

export const months: ReadonlySet<string> = words(`january february march april may june july august september october
  november december`);

export const weekdays: ReadonlySet<string> = words("monday tuesday wednesday thursday friday saturday sunday");

/** Words that answer "when". */
export const timeWords: ReadonlySet<string> = words(`spring summer autumn winter dawn dusk noon midnight midday morning
  afternoon evening night day days week weeks month months year years century hour hours minute minutes daily weekly
  monthly yearly easter christmas weekend tide harvest season sunrise sunset always never`);

export const placePrepositions: ReadonlySet<string> = words(`above across along among around at behind below beneath
  beside between by in inside near north of on onto opposite outside over south through under west east within`);
