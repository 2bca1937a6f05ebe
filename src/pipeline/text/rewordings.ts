/** The same question in other words, for forms that English can turn without knowing what they are about. */

/** Adjective of "how …" to the noun that measures it. */
const measures: Record<string, string> = {
  high: "height",
  tall: "height",
  long: "length",
  deep: "depth",
  wide: "width",
  heavy: "weight",
  old: "age",
  large: "size",
  big: "size",
};

/** First match decides; every result is a whole question. */
const rules: [RegExp, (match: RegExpMatchArray) => string[]][] = [
  [/^What is the name of (the [^?]+)\?$/, ([, thing]) => [`What is ${thing} called?`, `Name ${thing}.`]],
  [
    /^What is (the [^?]+?) (?:called|named)\?$/,
    ([, thing]) => [`What is the name of ${thing}?`, `Which name does ${thing} have?`],
  ],
  [
    /^(?:In which year|In what year) (was|were|did) ([^?]+)\?$/,
    ([, verb, rest]) => [`When ${verb} ${rest}?`, `In what year ${verb} ${rest}?`],
  ],
  [
    /^How many ([\p{L} -]+?) (?:does|do) ([^?]+?) have\?$/u,
    ([, things, owner]) => [
      `What is the number of ${things} of ${owner}?`,
      `Give the number of ${things} that ${owner} has.`,
    ],
  ],
  [
    /^How many (people|inhabitants|visitors) ((?:live|work) [^?]+)\?$/,
    ([, people, rest]) => [`What is the number of ${people} who ${rest}?`],
  ],
  [
    /^How (\p{Ll}+) (is|are) ([^?]+)\?$/u,
    ([, adjective, verb, thing]) =>
      Object.hasOwn(measures, adjective!) && !/ (?:it|that) /.test(thing!)
        ? [`What ${verb} the ${measures[adjective!]} of ${thing}?`]
        : [],
  ],
  [/^How much does ([^?]+) weigh\?$/, ([, thing]) => [`What is the weight of ${thing}?`]],
  [
    /^(?:How much|What) does ([^?]+) cost\?$/,
    ([, thing]) => [`What is the price of ${thing}?`, `Give the price of ${thing}.`],
  ],
  [
    /^Who (\p{Ll}+(?:ed|t|e) [^?]+)\?$/u,
    ([, rest]) =>
      [`What is the name of the person who ${rest}?`, `By whom ${passive(rest!)}?`].filter(
        (text) => !text.includes("undefined"),
      ),
  ],
  [
    /^What colour (is|are) ([^?]+)\?$/,
    ([, verb, thing]) => [`Which colour ${verb === "is" ? "does" : "do"} ${thing} have?`],
  ],
  [
    /^What (year|month|day|bird|animal|colour|drink|town|village|language) ([^?]+)\?$/,
    ([, kind, rest]) => [`Which ${kind} ${rest}?`],
  ],
];

/** Without the question itself. */
export function rewordings(question: string): string[] {
  for (const [pattern, reword] of rules) {
    const match = question.match(pattern);
    if (match) return [...new Set(reword(match))].filter((text) => text !== question);
  }
  return [];
}

/** "founded Tarn" -> "was Tarn founded", for plain objects. */
function passive(rest: string): string | undefined {
  const match = rest.match(
    /^(founded|designed|opened|described|discovered|invented|painted|destroyed|built|led|composed) ((?:the |a )?[^,]+)$/,
  );
  return match && !/ (?:in|on|at|for|with|from) /.test(match[2]!) ? `was ${match[2]} ${match[1]}` : undefined;
}
