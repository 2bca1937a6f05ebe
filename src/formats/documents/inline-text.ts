/** Text between tags or inside of Markdown as a person reads it: one space between words, a line break only where the author set one. */

/** Stands for a line break that was set on purpose until the white space around it is tidied. */
export const HARD_BREAK = "\u2028";

export function tidyText(text: string): string {
  return text
    .replace(/[\u00ad\u200b\ufeff]/g, "")
    .replace(/[ \t\r\n\f\v\u00a0]+/g, " ")
    .replace(/ ?\u2028 ?/g, "\n")
    .replace(/\n{2,}/g, "\n")
    .trim();
}

const raised = new Map([..."0123456789+-−n"].map((character, index) => [character, [..."⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻ⁿ"][index]!]));

/** m<sup>2</sup> is m², not m2; what has no raised form, such as the letters of "1st", stays as it is. */
export function raisedText(text: string): string {
  const signs = [...text.trim()].map((character) => raised.get(character));
  return signs.includes(undefined) ? text : signs.join("");
}
