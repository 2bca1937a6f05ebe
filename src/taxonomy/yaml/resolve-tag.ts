/**
 * What a plain word is, by the types of YAML 1.1 (https://yaml.org/type/) as PyYAML reads them: narrower than the types' own pages,
 * so that `y`, `1e3`, `08` and `2024-1-1` stay text.
 */
import { TAG_PREFIX } from "./node.ts";

const bool = /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/;
const int =
  /^(?:[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$/;
const float =
  /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;
export const timestamp =
  /^(?<year>\d{4})-(?<month>\d\d?)-(?<day>\d\d?)(?:(?:[Tt]|[ \t]+)(?<hour>\d\d?):(?<minute>\d\d):(?<second>\d\d)(?:\.(?<fraction>\d*))?(?:[ \t]*(?<zone>Z|(?<sign>[-+])(?<offsetHours>\d\d?)(?::(?<offsetMinutes>\d\d))?))?)?$/;
const dateAlone = /^\d{4}-\d\d-\d\d$/;

/** The full tag of a plain scalar. */
export function resolveTag(text: string): string {
  if (text === "") return `${TAG_PREFIX}null`;
  const first = text[0]!;
  // Nearly every plain text ends here: it begins with a letter that no other type begins with, or is too long for one.
  if ("yYnNtTfFoO".includes(first)) {
    if (bool.test(text)) return `${TAG_PREFIX}bool`;
    return /^(?:null|Null|NULL)$/.test(text) ? `${TAG_PREFIX}null` : `${TAG_PREFIX}str`;
  }
  if ("-+.0123456789".includes(first)) {
    if (float.test(text)) return `${TAG_PREFIX}float`;
    if (int.test(text)) return `${TAG_PREFIX}int`;
    if (dateAlone.test(text) || (text.length > 10 && timestamp.test(text))) return `${TAG_PREFIX}timestamp`;
    return `${TAG_PREFIX}str`;
  }
  if (text === "~") return `${TAG_PREFIX}null`;
  if (text === "<<") return `${TAG_PREFIX}merge`;
  if (text === "=") return `${TAG_PREFIX}value`;
  return `${TAG_PREFIX}str`;
}
