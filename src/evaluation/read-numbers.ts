/** Finds the numbers in a text and writes each in one way: `1,200`, `1200` and `twelve hundred` are all `1200`; units stay out. */

const units: Record<string, number> = {
  zero: 0,
  one: 1,
  two: 2,
  three: 3,
  four: 4,
  five: 5,
  six: 6,
  seven: 7,
  eight: 8,
  nine: 9,
  ten: 10,
  eleven: 11,
  twelve: 12,
  thirteen: 13,
  fourteen: 14,
  fifteen: 15,
  sixteen: 16,
  seventeen: 17,
  eighteen: 18,
  nineteen: 19,
  first: 1,
  second: 2,
  third: 3,
  fourth: 4,
  fifth: 5,
  sixth: 6,
  seventh: 7,
  eighth: 8,
  ninth: 9,
  tenth: 10,
  eleventh: 11,
  twelfth: 12,
  thirteenth: 13,
  fourteenth: 14,
  fifteenth: 15,
  sixteenth: 16,
  seventeenth: 17,
  eighteenth: 18,
  nineteenth: 19,
  once: 1,
  twice: 2,
  thrice: 3,
};
const tens: Record<string, number> = {
  twenty: 20,
  thirty: 30,
  forty: 40,
  fifty: 50,
  sixty: 60,
  seventy: 70,
  eighty: 80,
  ninety: 90,
  twentieth: 20,
  thirtieth: 30,
  fortieth: 40,
  fiftieth: 50,
  sixtieth: 60,
  seventieth: 70,
  eightieth: 80,
  ninetieth: 90,
};
const scales: Record<string, number> = {
  hundred: 100,
  hundredth: 100,
  dozen: 12,
  thousand: 1e3,
  thousandth: 1e3,
  million: 1e6,
  billion: 1e9,
};

export interface FoundNumber {
  /** Decimal notation without separators: `1200`, `3.5`. */
  value: string;
  /** Where it stands in the text. */
  start: number;
  end: number;
}

/** One word of the text that can belong to a number. */
interface Piece {
  word: string;
  digits: number | undefined;
  start: number;
  end: number;
}

export function readNumbers(text: string): FoundNumber[] {
  const found: FoundNumber[] = [];
  const pieces = readPieces(text);
  for (let index = 0; index < pieces.length; ) {
    const length = spanOfNumber(text, pieces, index);
    if (length === 0) {
      index += 1;
      continue;
    }
    const span = pieces.slice(index, index + length);
    if (!isPronoun(text, span))
      found.push({ value: String(amount(span)), start: span[0]!.start, end: span.at(-1)!.end });
    index += length;
  }
  return found;
}

/** Digits (with thousands separators, decimals, an ordinal ending or a unit attached) and words. */
function readPieces(text: string): Piece[] {
  const pattern = /(?<![\p{L}\d.,])\d{1,3}(?:[,'\u00A0\u2009\u202F]\d{3})+(?![\d])(?:\.\d+)?|\d+(?:\.\d+)?|\p{L}+/gu;
  return [...text.matchAll(pattern)].map((match) => {
    const word = match[0];
    const isDigits = /^\d/.test(word);
    return {
      word: word.toLowerCase(),
      digits: isDigits ? Number(word.replace(/[^\d.]/g, "")) : undefined,
      start: match.index,
      end: match.index + word.length,
    };
  });
}

const isNumberWord = (word: string) => word in units || word in tens || word in scales;

/** How many pieces from `index` on make one number; 0 when none begins here. */
function spanOfNumber(text: string, pieces: Piece[], index: number): number {
  const first = pieces[index]!;
  // Digits glued behind a letter belong to a name: `A40`.
  if (first.digits !== undefined && /\p{L}/u.test(text[first.start - 1] ?? "")) return 0;
  if (first.digits === undefined && !(isNumberWord(first.word) && (!(first.word in scales) || first.word === "dozen")))
    return 0;
  let length = 1;
  for (;;) {
    const last = pieces[index + length - 1]!;
    let next = pieces[index + length];
    let step = 1;
    if (next?.word === "and" && last.word in scales && last.word !== "dozen") {
      next = pieces[index + length + 1];
      step = 2;
      if (next === undefined || !(next.word in units || next.word in tens)) return length;
    }
    if (next === undefined || !/^[\s-]*(and\s+)?$/.test(text.slice(last.end, next.start))) return length;
    if (!continues(last, next)) return length;
    length += step;
  }
}

/** twenty-one, two hundred, hundred five, 1.2 million; not "two three". */
function continues(last: Piece, next: Piece): boolean {
  if (next.digits !== undefined) return false;
  if (next.word in scales) return true;
  if (last.digits !== undefined) return false;
  if (last.word in scales) return next.word in units || next.word in tens;
  return last.word in tens && (units[next.word] ?? 0) > 0 && units[next.word]! < 10;
}

function amount(span: Piece[]): number {
  let total = 0;
  let group = 0;
  for (const { word, digits } of span) {
    if (digits !== undefined) group += digits;
    else if (word in scales) {
      const scale = scales[word]!;
      group = Math.max(1, group) * scale;
      if (scale >= 1000) {
        total += group;
        group = 0;
      }
    } else group += units[word] ?? tens[word] ?? 0;
  }
  // Decimal fractions such as 1.2 * 1e6 are exact enough at 9 digits.
  return Number((total + group).toPrecision(12));
}

/** "one of them", "the one who", "no one", "at first", "a second later": not amounts. */
function isPronoun(text: string, span: Piece[]): boolean {
  if (span.length !== 1) return false;
  const { word, start, end } = span[0]!;
  if (word !== "one" && word !== "first" && word !== "second" && word !== "once") return false;
  const before = /(\p{L}+)[\s-]*$/u.exec(text.slice(0, start))?.[1]?.toLowerCase() ?? "";
  const after = /^[\s-]*(\p{L}+)/u.exec(text.slice(end))?.[1]?.toLowerCase() ?? "";
  if (word === "one")
    return (
      /^(of|another|who|that|which|day)$/.test(after) ||
      /^(no|the|this|that|each|every|any|some|which|another|only)$/.test(before)
    );
  if (word === "once") return /^(it|he|she|they|the|a|upon|was|were|had)$/.test(after);
  return /^(at|a|per)$/.test(before);
}
