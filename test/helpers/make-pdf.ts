/** A PDF of lines of text at given places, for tests that say where everything stands. Its letters are those of WinAnsi. */

export interface PlacedLine {
  /** From the left and of the baseline from the top, in points; the page is 600 wide and 800 high. */
  at: [left: number, down: number];
  text: string;
  /** 10 if nothing is said. */
  size?: number;
  /** "F1" is Helvetica (if nothing is said), "F2" Helvetica-Bold, "F3" Courier; others are given. */
  font?: string;
}

const standardFonts = Object.fromEntries(
  ["Helvetica", "Helvetica-Bold", "Courier"].map((name, index) => [
    `F${index + 1}`,
    `<< /Type /Font /Subtype /Type1 /BaseFont /${name} /Encoding /WinAnsiEncoding >>`,
  ]),
);

/** A page may also be a stream object of its own. `objects` are numbered from 10 on; fonts may refer to them. */
export function makePdf(
  pages: (readonly PlacedLine[] | Buffer)[],
  { fonts = {}, objects = [] }: { fonts?: Record<string, string>; objects?: (string | Buffer)[] } = {},
): Buffer {
  const bodies = new Map<number, string | Buffer>();
  const all = Object.entries({ ...standardFonts, ...fonts });
  const first = 10 + objects.length;
  bodies.set(1, "<< /Type /Catalog /Pages 2 0 R >>");
  const kids = pages.map((_, index) => `${first + 2 * index} 0 R`);
  bodies.set(2, `<< /Type /Pages /Kids [${kids.join(" ")}] /Count ${pages.length} /MediaBox [0 0 600 800] >>`);
  bodies.set(3, `<< /Font << ${all.map(([name, body]) => `/${name} ${body}`).join(" ")} >> >>`);
  for (const [index, body] of objects.entries()) bodies.set(10 + index, body);
  for (const [index, page] of pages.entries()) {
    const number = first + 2 * index;
    bodies.set(number, `<< /Type /Page /Parent 2 0 R /Resources 3 0 R /Contents ${number + 1} 0 R >>`);
    bodies.set(
      number + 1,
      Buffer.isBuffer(page) ? page : streamObject(Buffer.from(page.map(operators).join("\n"), "latin1")),
    );
  }
  const parts = [Buffer.from("%PDF-1.7\n")];
  for (const [number, body] of bodies)
    parts.push(Buffer.from(`${number} 0 obj\n`), Buffer.from(body as string), Buffer.from("\nendobj\n"));
  let length = 0;
  const places = new Map<number, number>();
  for (const [index, part] of parts.entries()) {
    if (index % 3 === 1) places.set([...bodies.keys()][(index - 1) / 3]!, length);
    length += part.length;
  }
  const numbers = [...places.keys()].sort((a, b) => a - b);
  const entries = numbers.map((number) => `${number} 1\n${String(places.get(number)).padStart(10, "0")} 00000 n \n`);
  parts.push(
    Buffer.from(
      `xref\n0 1\n0000000000 65535 f \n${entries.join("")}trailer\n<< /Root 1 0 R /Size ${numbers.at(-1)! + 1} >>\nstartxref\n${length}\n%%EOF\n`,
    ),
  );
  return Buffer.concat(parts);
}

export function streamObject(data: Buffer, entries = ""): Buffer {
  return Buffer.concat([
    Buffer.from(`<< /Length ${data.length} ${entries} >>\nstream\n`),
    data,
    Buffer.from("\nendstream"),
  ]);
}

function operators({ at: [left, down], text, size = 10, font = "F1" }: PlacedLine): string {
  // A text in angle brackets is the hexadecimal codes of a font that was given.
  const shown = /^<[\da-f]*>$/i.test(text) ? text : `(${text.replace(/[\\()]/g, "\\$&")})`;
  return `BT /${font} ${size} Tf ${left} ${800 - down} Td ${shown} Tj ET`;
}

/** Lines one below the other from a place on. */
export function placeLines(
  [left, down]: [number, number],
  texts: readonly string[],
  { leading = 12, ...style }: { leading?: number; size?: number; font?: string } = {},
): PlacedLine[] {
  return texts.map((text, index) => ({ at: [left, down + index * leading], text, ...style }));
}
