/** The tokens of YAML 1.1 as its specification divides a text, with the place of each. Offsets count UTF-16 units, columns code points. */

export type TokenKind =
  | "stream-start"
  | "stream-end"
  | "directive"
  | "document-start"
  | "document-end"
  | "block-sequence-start"
  | "block-mapping-start"
  | "block-end"
  | "flow-sequence-start"
  | "flow-sequence-end"
  | "flow-mapping-start"
  | "flow-mapping-end"
  | "block-entry"
  | "flow-entry"
  | "key"
  | "value"
  | "alias"
  | "anchor"
  | "tag"
  | "scalar";

export type ScalarStyle = "plain" | "single" | "double" | "literal" | "folded";

export interface Token {
  kind: TokenKind;
  /** Offset of the first character and of the one after the last. */
  start: number;
  end: number;
  /** 0-based. */
  line: number;
  column: number;
  endLine: number;
  endColumn: number;
  /** Scalar: its text. Anchor, alias: the name. Tag: what follows the handle. Directive: its name. */
  text: string;
  /** Scalars only. */
  style?: ScalarStyle;
  /** Tag: `!`, `!!`, `!name!`; undefined where the tag is written out. TAG directive: the handle that it defines. */
  handle?: string;
  /** TAG directive: what the handle stands for. */
  prefix?: string;
}

export interface Comment {
  start: number;
  end: number;
  /** 0-based. */
  line: number;
  column: number;
  /** Text with its `#`. */
  text: string;
  /** What stands before it, for telling comments of their own line from those behind something. */
  tokenBefore: number;
}

/** Why a text is no YAML, in plain words, at an offset. */
export interface YamlFailure {
  offset: number;
  code: string;
  message: string;
  hint: string;
}

/** Thrown inside this folder only, and turned into a result at its door. */
export class YamlError extends Error {
  readonly failure: YamlFailure;
  constructor(offset: number, message: string, hint: string, code = "yaml-syntax") {
    super(message);
    this.failure = { offset, code, message, hint };
  }
}

/** A leaf nests four levels deep. PyYAML gives up at about this depth; here every level is a call. */
export const MAX_NESTING = 300;

export function nestedTooDeeply(offset: number): YamlError {
  const hint = "Write plain entries of the form 'name: text' and '- name: text'.";
  return new YamlError(offset, `more than ${MAX_NESTING} levels of nesting`, hint, "nested-too-deeply");
}
