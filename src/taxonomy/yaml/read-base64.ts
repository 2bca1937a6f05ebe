/** The digits of a text in base64, as Python reads them: whatever is no digit is skipped; undefined where the last group is not whole. */

export function readBase64(text: string): string | undefined {
  if (!/^\p{ASCII}*$/u.test(text)) return undefined;
  let digits = "";
  let signs = 0;
  for (const character of text) {
    if (/[A-Za-z0-9+/]/.test(character)) {
      digits += character;
      signs = 0;
    } else if (character === "=" && digits.length % 4 >= 2) {
      signs += 1;
      // A group that was filled up is the last one.
      if ((digits.length % 4) + signs >= 4) return digits;
    }
  }
  return digits.length % 4 === 0 ? digits : undefined;
}
