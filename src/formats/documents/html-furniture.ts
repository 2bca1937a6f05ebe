/**
 * Which elements of a page are not its text: scripts, forms, hidden parts, and what leads to other pages. Names that templates give are believed
 * only outside of the main element; inside, "menu" may be a section about soup and "sidebar" is the box of DocBook, so a list of links must be one.
 */
import { childNamed, elementsOf, type MarkupElement } from "./parse-markup.ts";

const unread = new Set(
  (
    "script style template noscript svg head iframe object embed canvas audio video map nav dialog select input textarea button " +
    "datalist progress meter title colgroup rp rt"
  ).split(" "),
);
const unreadRoles = new Set(["navigation", "search", "menu", "menubar", "dialog"]);
const rolesAroundMain = new Set(["banner", "contentinfo", "complementary", "alert"]);
/** Classes that mean the same on every page. */
const unreadClass =
  /^(?:headerlink|anchor-link|mw-editsection|skip-link|sr-only|visually-hidden|docnav|navheader|navfooter)$/i;
const classAroundMain = /^(?:nav|navbar|navigation|cookie-?(?:banner|consent|notice)|site-(?:header|footer))$/i;
const nameOfLinks =
  /^(?:nav|navbar|navigation|menu|sidebar|breadcrumbs?|toc|navbox|noprint|banner|cookie-?(?:banner|consent|notice)|site-(?:header|footer))$/i;
/** An aside outside of the main element that is no advertisement. */
const noteClass = /^(?:footnote|endnote|note|admonition|topic|tip|hint|warning|caution|important)(?:-list)?$/i;
/** Of them, headings and sections get their ids from their words. */
const neverNamed = /^(?:html|body|main|article|section|h[1-6])$/;

export function isFurniture(element: MarkupElement, { isAroundMain }: { isAroundMain: boolean }): boolean {
  const { name, attributes } = element;
  const role = attributes.get("role") ?? "";
  if (unread.has(name) || unreadRoles.has(role) || isHidden(element)) return true;
  const classes = (attributes.get("class") ?? "").split(/\s+/);
  if (classes.some((one) => unreadClass.test(one)) || isPageTurner(element)) return true;
  if (neverNamed.test(name)) return isAroundMain && rolesAroundMain.has(role);
  if (isAroundMain) {
    if (rolesAroundMain.has(role) || classes.some((one) => classAroundMain.test(one))) return true;
    if (name === "aside" && !role.startsWith("doc-") && !classes.some((one) => noteClass.test(one))) return true;
  }
  const names = isAroundMain ? [...classes, attributes.get("id") ?? ""] : classes;
  const mayLeadAway = name === "aside" || role === "complementary" || names.some((one) => nameOfLinks.test(one));
  return mayLeadAway && isOfLinks(element);
}

function isHidden(element: MarkupElement): boolean {
  const { attributes } = element;
  if (attributes.has("hidden") || attributes.get("aria-hidden") === "true") return true;
  if (!/display\s*:\s*none|visibility\s*:\s*hidden/i.test(attributes.get("style") ?? "")) return false;
  // A formula is hidden where a picture shows it.
  return childNamed(element, "math") === undefined;
}

/** Most of its letters stand in links. */
function isOfLinks(element: MarkupElement): boolean {
  const { all, inLinks } = lettersOf(element);
  return all > 0 && 2 * inLinks >= all;
}

interface Letters {
  all: number;
  inLinks: number;
}

/** Elements inside of each other are asked for, too; each is counted once. */
const counted = new WeakMap<MarkupElement, Letters>();

function lettersOf(element: MarkupElement): Letters {
  const known = counted.get(element);
  if (known !== undefined) return known;
  const letters: Letters = { all: 0, inLinks: 0 };
  for (const child of element.children) {
    if (typeof child === "string") letters.all += child.match(/[\p{L}\p{N}]/gu)?.length ?? 0;
    else if (child.name !== "script" && child.name !== "style") {
      const inside = lettersOf(child);
      letters.all += inside.all;
      letters.inLinks += isLink(child) ? inside.all : inside.inLinks;
    }
  }
  counted.set(element, letters);
  return letters;
}

function isLink({ name, attributes }: MarkupElement): boolean {
  return name === "a" && attributes.has("href");
}

const turners = new Set(["p", "div", "ul", "ol", "table"]);
/** More is no line of links to the pages before and after. */
const MAX_TURNER_ELEMENTS = 40;

/** "Prev, Up, Home, Next": at least two of its links say so by themselves, and it holds nothing else. */
function isPageTurner(element: MarkupElement): boolean {
  if (!turners.has(element.name)) return false;
  let elements = 0;
  let turning = 0;
  const walk = (inner: MarkupElement): boolean =>
    elementsOf(inner).every((child) => {
      elements += 1;
      if (elements > MAX_TURNER_ELEMENTS || /^(?:h[1-6]|pre|dl|blockquote)$/.test(child.name)) return false;
      if (isLink(child) && turnsPage(child)) turning += 1;
      return walk(child);
    });
  return walk(element) && turning >= 2 && isOfLinks(element);
}

function turnsPage({ attributes }: MarkupElement): boolean {
  return (
    /^[npuh]$/i.test(attributes.get("accesskey") ?? "") || /\b(?:prev|next|up)\b/i.test(attributes.get("rel") ?? "")
  );
}
