/**
 * The character maps that PDF knows by name for Chinese, Japanese and Korean, as pdf.js asks for them. Adobe's own number its glyphs; only
 * the letters are wanted here, so each letter of the character sets that Node decodes gets a number of ours, above those of any real glyph.
 */

interface Script {
  /** Charsets of `TextDecoder`. */
  charsets: string[];
  names: RegExp;
  unicodeNames: RegExp;
}

/** By the ordering of Adobe's character collection. */
const scripts: Record<string, Script> = {
  GB1: { charsets: ["gb18030"], names: /^(?:GB|GBpc|GBK|GBKp)-EUC-[HV]$|^GBK2K-[HV]$/, unicodeNames: /^UniGB-/ },
  CNS1: { charsets: ["big5"], names: /^(?:B5pc|ETen-B5|ETenms-B5|HKscs-B5)-[HV]$/, unicodeNames: /^UniCNS-/ },
  Japan1: {
    charsets: ["shift_jis", "euc-jp"],
    names: /^(?:83pv|90msp?|90pv|Add|Ext)-RKSJ-[HV]$|^(?:EUC-)?[HV]$/,
    unicodeNames: /^UniJIS(?:2004|Pro|X0213|X02132004)?-/,
  },
  Korea1: {
    charsets: ["euc-kr"],
    names: /^(?:KSC-EUC|KSCms-UHC|KSCms-UHC-HW|KSCpc-EUC)-[HV]$/,
    unicodeNames: /^UniKS-/,
  },
};

/** Adobe's collections end below. pdf.js takes no number above 65,535. */
const FIRST_OWN_NUMBER = 0x8000;

/** `getDocument` makes one; it stands for a folder of files that are not there. */
export class PredefinedCmaps {
  async fetch({ kind, filename }: { kind: string; filename: string }): Promise<Uint8Array> {
    if (kind !== "cMapUrl") throw new Error(`no ${filename}`);
    return new TextEncoder().encode(predefinedCmap(filename));
  }
}

/** Of a name that is not read here: glyphs whose letters nobody knows, so that the text does not vanish unseen. */
const UNKNOWN_CMAP =
  "1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n2 begincidrange\n<0001> <7fff> 1\n<8000> <fffe> 1\nendcidrange\nendcmap\n";

/** In the notation of PostScript. */
function predefinedCmap(name: string): string {
  const ordering = /^Adobe-(\w+)-UCS2$/.exec(name)?.[1];
  if (ordering !== undefined) return lettersOfNumbers(scripts[ordering] ?? scripts.Japan1!);
  const unicode = /-(?:UCS2|UTF16)(?:-HW)?-[HV]$/.test(name);
  for (const script of Object.values(scripts)) {
    if (unicode && script.unicodeNames.test(name))
      return numbersOfCodes(["<0000> <d7ff>", "<d800dc00> <dbffdfff>", "<e000> <ffff>"], numbers(script), (letter) =>
        hex(letter.charCodeAt(0), 2),
      );
    if (script.names.test(name)) return numbersOfLegacyCodes(name, script);
  }
  return UNKNOWN_CMAP;
}

function numbersOfLegacyCodes(name: string, script: Script): string {
  const isSevenBits = /^[HV]$/.test(name);
  const codes = lettersOf(isSevenBits || name.startsWith("EUC") ? "euc-jp" : script.charsets[0]!);
  const byLetter = new Map<string, string>();
  for (const [code, letter] of codes) {
    if (isSevenBits && code < 0x8080) continue;
    if (!byLetter.has(letter))
      byLetter.set(letter, isSevenBits ? hex(code & 0x7f7f, 2) : hex(code, code > 0xff ? 2 : 1));
  }
  const single =
    script.charsets[0] === "shift_jis" && !name.startsWith("EUC") ? ["<00> <80>", "<a0> <df>"] : ["<00> <80>"];
  const double = single.length > 1 ? ["<8140> <9ffc>", "<e040> <fcfc>"] : ["<8140> <fefe>"];
  return numbersOfCodes(isSevenBits ? ["<2121> <7e7e>"] : [...single, ...double], numbers(script), (letter) =>
    byLetter.get(letter),
  );
}

function numbersOfCodes(
  spaces: readonly string[],
  letters: ReadonlyMap<string, number>,
  codeOf: (letter: string) => string | undefined,
): string {
  const lines = [...letters].flatMap(([letter, number]) => {
    const code = codeOf(letter);
    return code === undefined ? [] : [`<${code}> ${number}`];
  });
  return `${spaces.length} begincodespacerange\n${spaces.join("\n")}\nendcodespacerange\n${lines.length} begincidchar\n${lines.join("\n")}\nendcidchar\nendcmap\n`;
}

/** A real glyph's number comes from a font that says nothing about its letters: it is a sign without a meaning. */
function lettersOfNumbers(script: Script): string {
  const lines = [...numbers(script)].map(([letter, number]) => `<${hex(number, 2)}> <${hex(letter.charCodeAt(0), 2)}>`);
  for (let number = 1; number < FIRST_OWN_NUMBER; number++) lines.push(`<${hex(number, 2)}> <fffd>`);
  return `1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n${lines.length} beginbfchar\n${lines.join("\n")}\nendbfchar\nendcmap\n`;
}

function numbers({ charsets }: Script): Map<string, number> {
  const letters = new Set(charsets.flatMap((charset) => [...lettersOf(charset).values()]));
  return new Map(
    [...letters].slice(0, 0x10000 - FIRST_OWN_NUMBER).map((letter, index) => [letter, FIRST_OWN_NUMBER + index]),
  );
}

/** Codes of one and two bytes, of letters of the basic plane. */
function lettersOf(charset: string): Map<number, string> {
  const decoder = new TextDecoder(charset);
  const letters = new Map<number, string>();
  const add = (code: number, bytes: number[]) => {
    const text = decoder.decode(Uint8Array.from(bytes));
    if (text.length === 1 && text !== "\ufffd") letters.set(code, text);
  };
  for (let first = 0x20; first < 0x100; first++) {
    add(first, [first]);
    if (first > 0x80) for (let second = 0x40; second < 0xff; second++) add(first * 256 + second, [first, second]);
  }
  // Half-wide kana.
  if (charset === "euc-jp") for (let second = 0xa1; second < 0xe0; second++) add(0x8e00 + second, [0x8e, second]);
  return letters;
}

function hex(value: number, bytes: number): string {
  return value.toString(16).padStart(2 * bytes, "0");
}
