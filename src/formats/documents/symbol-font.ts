/**
 * Characters of the fonts Symbol and Wingdings, which office programs keep as codes of the font (U+F020 to U+F0FF), as Unicode has them. Of
 * Wingdings only what stands in texts: ticks, arrows, boxes.
 */

/** From 0x20 and from 0xa0 on; a space is none. */
const symbolLow = " !∀#∃%&∍()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_ αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼ ";
const symbolHigh = "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈… —↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊〈®©™∑      {    〉∫⌠ ⌡      } ";
const wingdings = new Map<number, string>([
  [0x4a, "☺"],
  [0x6c, "●"],
  [0x6e, "■"],
  [0x6f, "☐"],
  [0x71, "❑"],
  [0x76, "❖"],
  [0x9f, "•"],
  [0xa7, "▪"],
  [0xa8, "☐"],
  [0xd8, "➢"],
  [0xdf, "←"],
  [0xe0, "→"],
  [0xe1, "↑"],
  [0xe2, "↓"],
  [0xe8, "➔"],
  [0xf0, "⇨"],
  [0xfb, "✗"],
  [0xfc, "✓"],
  [0xfd, "☒"],
  [0xfe, "☑"],
]);

/** Nothing where the sign has no known meaning. */
export function symbolCharacter(font: string, code: number): string {
  const isOfFont = (code >= 0xf020 && code <= 0xf0ff) || code <= 0xff;
  if (!isOfFont) return code <= 0x10ffff ? String.fromCodePoint(code) : "";
  const place = code & 0xff;
  if (/^symbol/i.test(font)) {
    const table = place < 0xa0 ? symbolLow[place - 0x20] : symbolHigh[place - 0xa0];
    return table?.trim() ?? "";
  }
  if (/^wingdings$/i.test(font)) return wingdings.get(place) ?? "";
  return /dings|marlett|symbol/i.test(font) ? "" : String.fromCodePoint(place);
}

/** Text of a run in such a font; other characters stay. */
export function symbolText(font: string, text: string): string {
  return text.replace(/[\uf020-\uf0ff]/g, (character) => symbolCharacter(font, character.charCodeAt(0)));
}
