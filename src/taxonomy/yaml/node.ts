/** The tree of a YAML text: what stands where, before anything is made of it. */

interface Place {
  /** Offsets in the text. */
  start: number;
  end: number;
  /** Full tag: the one given, or the one that follows from the form of the text. */
  tag: string;
}

export interface ScalarNode extends Place {
  kind: "scalar";
  text: string;
  /** Nothing stands there: `key:` alone. */
  isAbsent: boolean;
}

export interface SequenceNode extends Place {
  kind: "sequence";
  items: Node[];
}

export interface MappingNode extends Place {
  kind: "mapping";
  pairs: { key: Node; value: Node }[];
}

export type Node = ScalarNode | SequenceNode | MappingNode;

export const TAG_PREFIX = "tag:yaml.org,2002:";
