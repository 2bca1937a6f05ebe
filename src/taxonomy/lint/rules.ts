/** Every rule of form that is known, by yamllint's name for it. */
import { comments, commentsIndentation } from "./comment-rules.ts";
import { indentation } from "./indentation.ts";
import { emptyLines, lineLength, newLineAtEndOfFile, newLines, trailingSpaces } from "./line-rules.ts";
import type { LintRule } from "./lint-rule.ts";
import {
  anchors,
  braces,
  brackets,
  colons,
  commas,
  documentEnd,
  documentStart,
  emptyValues,
  hyphens,
  keyDuplicates,
  octalValues,
  truthy,
} from "./token-rules.ts";
import { floatValues, keyOrdering, quotedStrings } from "./value-rules.ts";

export const lintRules: Readonly<Record<string, LintRule>> = {
  anchors,
  braces,
  brackets,
  colons,
  commas,
  comments,
  "comments-indentation": commentsIndentation,
  "document-end": documentEnd,
  "document-start": documentStart,
  "empty-lines": emptyLines,
  "empty-values": emptyValues,
  "float-values": floatValues,
  hyphens,
  indentation,
  "key-duplicates": keyDuplicates,
  "key-ordering": keyOrdering,
  "line-length": lineLength,
  "new-line-at-end-of-file": newLineAtEndOfFile,
  "new-lines": newLines,
  "octal-values": octalValues,
  "quoted-strings": quotedStrings,
  "trailing-spaces": trailingSpaces,
  truthy,
};
