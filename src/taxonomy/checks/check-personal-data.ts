/** Finds what looks like data about a person: addresses, numbers of telephones, accounts and cards. Warnings only: examples invent some. */
import type { LeafNode } from "../../artifacts.ts";
import type { PositionedValue } from "../parse-yaml.ts";
import { type Problem, warning } from "../problem.ts";
import { textsOf } from "./check-seeds.ts";

interface Kind {
  name: string;
  pattern: RegExp;
  isReal?: (text: string) => boolean;
}

const digitsOf = (text: string) => text.replace(/\D/g, "");

const emailAddress = /[\w.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,}/g;

const kinds: readonly Kind[] = [
  {
    name: "an e-mail address",
    pattern: emailAddress,
    // Names that are reserved for examples belong to nobody.
    isReal: (text) => !/@(?:.*\.)?(?:example\.(?:com|net|org)|[^.]+\.(?:example|test|invalid))$/i.test(text),
  },
  {
    name: "a bank account (IBAN)",
    pattern: /\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b/g,
    isReal: isIban,
  },
  {
    name: "the number of a payment card",
    pattern: /(?<![\d.])\d(?:[ -]?\d){12,18}(?![\d.]|\.\d)/g,
    isReal: isCardNumber,
  },
  {
    name: "a telephone number",
    pattern:
      /(?<![\w.+])(?:\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d(?:[ .-]?\d){6,11}|\(\d{3}\) ?\d{3}[ .-]\d{4}|\d{3}[.-]\d{3}[.-]\d{4})(?![\w])/g,
    // 555-01xx is kept free for fiction.
    isReal: (text) => !/555[ .-]?01\d\d$/.test(text),
  },
];

export function checkPersonalData(leaf: LeafNode, yaml: PositionedValue): Problem[] {
  const problems: Problem[] = [];
  for (const { text, path } of textsOf(leaf)) {
    const hasNumber = /\d[ .()-]{0,2}\d[ .()-]{0,2}\d[ .()-]{0,2}\d[ .()-]{0,2}\d[ .()-]{0,2}\d/.test(text);
    for (const { name, pattern, isReal } of kinds) {
      // Without its sign no kind is worth looking for, and nearly every text is done with here.
      if (pattern === emailAddress ? !text.includes("@") : !hasNumber) continue;
      const found = text.match(pattern)?.find((match) => isReal?.(match) ?? true);
      if (found === undefined) continue;
      const hint = "Take it out, or invent one: addresses at example.org, numbers with 555-01.";
      problems.push(
        warning("personal-data", `this seems to hold ${name}: '${masked(found)}'`, hint, yaml.locate(path), path),
      );
      break;
    }
  }
  return problems;
}

/** Findings go to logs, where the whole of it has no business. */
function masked(text: string): string {
  return `${text.slice(0, 4)}…${text.slice(-2)}`;
}

/** Luhn's check digit, and a first digit and length that cards have. */
function isCardNumber(text: string): boolean {
  const digits = digitsOf(text);
  if (!/^(?:3[47]\d{13}|[456]\d{15}|4\d{12}|4\d{18}|2[2-7]\d{14}|3(?:0[0-5]|[68]\d)\d{11})$/.test(digits)) return false;
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i]);
    sum += i % 2 === 0 ? digit : digit * 2 - (digit > 4 ? 9 : 0);
  }
  return sum % 10 === 0;
}

/** ISO 13616: moved, letters as numbers, the rest modulo 97 is 1. */
function isIban(text: string): boolean {
  const compact = text.replaceAll(" ", "");
  if (compact.length < 15 || compact.length > 34) return false;
  const numeric = `${compact.slice(4)}${compact.slice(0, 4)}`.replace(/[A-Z]/g, (letter) =>
    String(letter.charCodeAt(0) - 55),
  );
  let rest = 0;
  for (const digit of numeric) rest = (rest * 10 + Number(digit)) % 97;
  return rest === 1;
}
