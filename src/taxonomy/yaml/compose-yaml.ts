/** Tokens -> the tree of one document, by the grammar of YAML 1.1. An alias is the very node that it names. */
import { type MappingNode, type Node, type ScalarNode, type SequenceNode, TAG_PREFIX } from "./node.ts";
import { resolveTag } from "./resolve-tag.ts";
import { MAX_NESTING, nestedTooDeeply, type Token, type TokenKind, YamlError, type YamlFailure } from "./token.ts";

export interface ComposedYaml {
  /** Absent when the text holds nothing, or not even that. */
  node?: Node;
  failure?: YamlFailure;
}

/** `tokens` may end early, where the scanner gave up: what is wrong before that place is told. */
export function composeYaml(tokens: readonly Token[], scanFailure?: YamlFailure): ComposedYaml {
  try {
    return { node: new Composer(tokens, scanFailure).compose() };
  } catch (error) {
    if (error instanceof YamlError) return { failure: error.failure };
    throw error;
  }
}

interface Properties {
  start: number;
  anchor?: string;
  tag?: string;
}

class Composer {
  private readonly tokens: readonly Token[];
  private readonly scanFailure: YamlFailure | undefined;
  private index = 0;
  private depth = 0;
  private readonly anchors = new Map<string, Node>();
  private handles = new Map<string, string>();

  constructor(tokens: readonly Token[], scanFailure: YamlFailure | undefined) {
    this.tokens = tokens;
    this.scanFailure = scanFailure;
  }

  compose(): Node | undefined {
    this.take("stream-start");
    const node = this.document();
    while (this.isAt("document-end")) this.index += 1;
    if (node !== undefined && !this.isAt("stream-end")) {
      const { start } = this.token;
      // What is wrong with the second document comes first where the scanner or the grammar says so.
      if (!this.isAt("document-start") && !this.isAt("directive"))
        throw this.unexpected("the end of the document was expected here");
      throw new YamlError(
        start,
        "the file holds more than one YAML document",
        "Remove the line '---' that begins the second one, or move that part to a file of its own.",
        "multiple-documents",
      );
    }
    return node;
  }

  private get token(): Token {
    const token = this.tokens[this.index];
    if (token !== undefined) return token;
    const { offset, message, hint, code } = this.scanFailure!;
    throw new YamlError(offset, message, hint, code);
  }

  private isAt(...kinds: TokenKind[]): boolean {
    return kinds.includes(this.token.kind);
  }

  private take(kind: TokenKind): Token {
    const { token } = this;
    if (token.kind !== kind) throw this.unexpected(`'${kind}' was expected here`);
    this.index += 1;
    return token;
  }

  private unexpected(message: string): YamlError {
    return new YamlError(
      this.token.start,
      message,
      "Check quotes, brackets and indentation on this line and the one before it.",
    );
  }

  private document(): Node | undefined {
    this.handles = new Map([
      ["!", "!"],
      ["!!", TAG_PREFIX],
    ]);
    if (this.isAt("stream-end")) return undefined;
    const isExplicit = this.isAt("directive", "document-start");
    if (isExplicit) {
      this.directives();
      this.take("document-start");
    }
    if (isExplicit && this.isAt("directive", "document-start", "document-end", "stream-end")) return this.absent();
    return this.node({ isBlock: true });
  }

  private directives(): void {
    let hasVersion = false;
    const own = new Set<string>();
    while (this.isAt("directive")) {
      const { text, handle, prefix, start } = this.token;
      if (text === "YAML") {
        if (hasVersion || !/^0*1\./.test(prefix!))
          throw new YamlError(start, "only one '%YAML 1.1' is read", "Remove the line.");
        hasVersion = true;
      } else if (text === "TAG") {
        if (own.has(handle!))
          throw new YamlError(start, `the tag handle '${handle}' is defined twice`, "Remove one of the lines.");
        own.add(handle!);
        this.handles.set(handle!, prefix!);
      }
      this.index += 1;
    }
  }

  /** `isIndentless`: a list may begin here without being indented further than its key. */
  private node({ isBlock, isIndentless = false }: { isBlock: boolean; isIndentless?: boolean }): Node {
    if (this.isAt("alias")) {
      const { text, start } = this.take("alias");
      const node = this.anchors.get(text);
      if (node !== undefined) return node;
      throw new YamlError(
        start,
        `'*${text}' refers to a place of the file that does not exist`,
        `Put text that begins with '*' in quotes: "*${text}".`,
        "unknown-alias",
      );
    }
    if (++this.depth > MAX_NESTING) throw nestedTooDeeply(this.token.start);
    const properties = this.properties();
    const { token } = this;
    let node: Node;
    if (isIndentless && token.kind === "block-entry") node = this.sequence(properties, "indentless");
    else if (token.kind === "scalar") node = this.scalar(properties);
    else if (token.kind === "flow-sequence-start") node = this.sequence(properties, "flow");
    else if (token.kind === "flow-mapping-start") node = this.flowMapping(properties);
    else if (isBlock && token.kind === "block-sequence-start") node = this.sequence(properties, "block");
    else if (isBlock && token.kind === "block-mapping-start") node = this.blockMapping(properties);
    else if (properties.anchor !== undefined || properties.tag !== undefined) node = this.absent(properties);
    else throw this.unexpected(`${words[token.kind] ?? "this"} cannot stand here`);
    this.depth -= 1;
    return node;
  }

  private properties(): Properties {
    const properties: Properties = { start: this.token.start };
    for (;;) {
      const { kind, text, handle, start } = this.token;
      if (kind === "anchor" && properties.anchor === undefined) {
        if (this.anchors.has(text))
          throw new YamlError(
            start,
            `the anchor '&${text}' is set twice`,
            "Give one of them another name.",
            "duplicate-anchor",
          );
        properties.anchor = text;
      } else if (kind === "tag" && properties.tag === undefined) {
        const prefix = handle === undefined ? "" : this.handles.get(handle);
        if (prefix === undefined)
          throw new YamlError(
            start,
            `the tag handle '${handle}' is not defined`,
            "Put text that begins with '!' in quotes.",
          );
        properties.tag = prefix + text;
      } else return properties;
      this.index += 1;
    }
  }

  private register<Kind extends Node>(node: Kind, { anchor }: Properties): Kind {
    if (anchor !== undefined) this.anchors.set(anchor, node);
    return node;
  }

  private tagOf({ tag }: Properties, otherwise: string): string {
    return tag === undefined || tag === "!" ? otherwise : tag;
  }

  private scalar(properties: Properties): ScalarNode {
    const { text, style, end } = this.take("scalar");
    const { start } = properties;
    const isPlain = (style === "plain" && properties.tag === undefined) || properties.tag === "!";
    const tag = isPlain ? resolveTag(text) : this.tagOf(properties, `${TAG_PREFIX}str`);
    return this.register({ kind: "scalar", start, end, tag, text, isAbsent: false }, properties);
  }

  private absent(properties: Properties = { start: this.token.start }): ScalarNode {
    const { start } = properties;
    const tag = this.tagOf(properties, `${TAG_PREFIX}null`);
    return this.register({ kind: "scalar", start, end: start, tag, text: "", isAbsent: true }, properties);
  }

  private sequence(properties: Properties, form: "block" | "indentless" | "flow"): SequenceNode {
    const { start } = properties;
    const tag = this.tagOf(properties, `${TAG_PREFIX}seq`);
    const node = this.register<SequenceNode>({ kind: "sequence", start, end: start, tag, items: [] }, properties);
    if (form === "flow") this.flowItems(node);
    else {
      if (form === "block") this.take("block-sequence-start");
      while (this.isAt("block-entry")) {
        this.index += 1;
        const isEmpty = this.isAt("block-entry", "block-end") || (form === "indentless" && this.isAt("key", "value"));
        node.items.push(isEmpty ? this.absent() : this.node({ isBlock: true }));
      }
      if (form === "block") this.endBlock("a list");
    }
    node.end = this.tokens[this.index - 1]!.end;
    return node;
  }

  private endBlock(what: string): void {
    if (!this.isAt("block-end"))
      throw this.unexpected(
        `this does not belong to ${what} that it stands in: it is indented differently or follows a finished text`,
      );
    this.index += 1;
  }

  private flowItems(node: SequenceNode): void {
    this.take("flow-sequence-start");
    for (let isFirst = true; !this.isAt("flow-sequence-end"); isFirst = false) {
      if (!isFirst) {
        if (!this.isAt("flow-entry")) throw this.unexpected("',' or ']' was expected here");
        this.index += 1;
      }
      if (this.isAt("key")) node.items.push(this.singlePair());
      else if (!this.isAt("flow-sequence-end")) node.items.push(this.node({ isBlock: false }));
    }
    this.index += 1;
  }

  /** `[a: b]` */
  private singlePair(): MappingNode {
    const { start } = this.take("key");
    const ends: TokenKind[] = ["flow-entry", "flow-sequence-end"];
    const key = this.isAt("value", ...ends) ? this.absent() : this.node({ isBlock: false });
    const value = this.flowValue(ends);
    return { kind: "mapping", start, end: value.end, tag: `${TAG_PREFIX}map`, pairs: [{ key, value }] };
  }

  private flowValue(ends: TokenKind[]): Node {
    if (!this.isAt("value")) return this.absent();
    this.index += 1;
    return this.isAt(...ends) ? this.absent() : this.node({ isBlock: false });
  }

  private mapping(properties: Properties): MappingNode {
    const { start } = properties;
    const tag = this.tagOf(properties, `${TAG_PREFIX}map`);
    return this.register<MappingNode>({ kind: "mapping", start, end: start, tag, pairs: [] }, properties);
  }

  private flowMapping(properties: Properties): MappingNode {
    const node = this.mapping(properties);
    this.take("flow-mapping-start");
    const ends: TokenKind[] = ["flow-entry", "flow-mapping-end"];
    for (let isFirst = true; !this.isAt("flow-mapping-end"); isFirst = false) {
      if (!isFirst) {
        if (!this.isAt("flow-entry")) throw this.unexpected("',' or '}' was expected here");
        this.index += 1;
      }
      if (this.isAt("key")) {
        this.index += 1;
        const key = this.isAt("value", ...ends) ? this.absent() : this.node({ isBlock: false });
        node.pairs.push({ key, value: this.flowValue(ends) });
      } else if (!this.isAt("flow-mapping-end"))
        node.pairs.push({ key: this.node({ isBlock: false }), value: this.absent() });
    }
    node.end = this.token.end;
    this.index += 1;
    return node;
  }

  private blockMapping(properties: Properties): MappingNode {
    const node = this.mapping(properties);
    this.take("block-mapping-start");
    while (this.isAt("key")) {
      this.index += 1;
      const isEmpty = this.isAt("key", "value", "block-end");
      const key = isEmpty ? this.absent() : this.node({ isBlock: true, isIndentless: true });
      let value: Node | undefined;
      if (this.isAt("value")) {
        this.index += 1;
        if (!this.isAt("key", "value", "block-end")) value = this.node({ isBlock: true, isIndentless: true });
      }
      node.pairs.push({ key, value: value ?? this.absent() });
    }
    this.endBlock("the lines 'name: value'");
    node.end = this.tokens[this.index - 1]!.end;
    return node;
  }
}

const words: Partial<Record<TokenKind, string>> = {
  "block-entry": "a list entry",
  "block-sequence-start": "a list",
  "block-mapping-start": "a line 'name: value'",
  "flow-entry": "','",
  "flow-sequence-end": "']'",
  "flow-mapping-end": "'}'",
  "stream-end": "the end of the file",
  "block-end": "the end of these lines",
  value: "':'",
  key: "a key",
  directive: "'%'",
  "document-start": "'---'",
  "document-end": "'...'",
};
