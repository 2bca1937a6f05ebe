/** MathML -> one line of text: the TeX that it was made from where it says so, else its signs with fractions, roots, powers and indices. */
import { raisedText } from "./inline-text.ts";
import { elementsOf, type MarkupElement, type MarkupNode, textOf } from "./parse-markup.ts";

export function mathText(math: MarkupElement): string {
  return texOf(math) ?? signsOf(math);
}

function signsOf(node: MarkupNode): string {
  if (typeof node === "string") return node.trim();
  const { name } = node;
  if (name === "mtext") return textOf(node);
  if (name === "annotation" || name === "annotation-xml") return "";
  const parts = node.children
    .map((child) => ({ text: signsOf(child), isOne: typeof child !== "string" && leaves.has(child.name) }))
    .filter(({ text }) => text !== "");
  const [first = "", second = "", third = ""] = parts.map(({ text, isOne }) =>
    isOne || [...text].length === 1 ? text : `(${text})`,
  );
  const all = parts.map(({ text }) => text);
  switch (name) {
    case "mfrac":
      return `${first}/${second}`;
    case "msqrt":
      return `√(${all.join("")})`;
    case "mroot":
      return `${first}^(1/${second})`;
    case "msup":
    case "mover":
      return power(first, second);
    case "msub":
    case "munder":
      return `${first}_${second}`;
    case "msubsup":
    case "munderover":
      return power(`${first}_${second}`, third);
    case "mtr":
      return `${all.join(", ")}; `;
    default:
      return all.join("");
  }
}

const leaves = new Set(["mi", "mn", "mo", "mtext", "ms"]);

function power(base: string, exponent: string): string {
  const raised = raisedText(exponent);
  return raised === exponent ? `${base}^${exponent}` : base + raised;
}

function texOf(element: MarkupElement): string | undefined {
  for (const child of elementsOf(element)) {
    const isTex = child.name === "annotation" && /tex/i.test(child.attributes.get("encoding") ?? "");
    const found = isTex ? textOf(child).trim() : texOf(child);
    if (found !== undefined) return found;
  }
  return undefined;
}
