/** The date or time that a text names, as one that two spellings of the same moment have in common; undefined where there is no such date. */
import { timestamp } from "./resolve-tag.ts";

export function readTimestamp(text: string): string | undefined {
  const groups = timestamp.exec(text)?.groups;
  if (groups === undefined) return undefined;
  const number = (name: string) => Number(groups[name] ?? 0);
  const [year, month, day] = [number("year"), number("month"), number("day")];
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > daysOf(month, year)) return undefined;
  if (groups["hour"] === undefined) return `${year}-${month}-${day}`;
  const [hour, minute, second] = [number("hour"), number("minute"), number("second")];
  const offset = number("offsetHours") * 60 + number("offsetMinutes");
  if (hour >= 24 || minute >= 60 || second >= 60 || offset >= 24 * 60) return undefined;
  // Python's times are no finer.
  const microseconds = (groups["fraction"] ?? "").slice(0, 6).padEnd(6, "0");
  const sign = groups["sign"] === "-" ? -1 : 1;
  const moment = Date.UTC(year, month - 1, day, hour, minute - sign * offset, second);
  return `${moment}.${microseconds}${groups["zone"] === undefined ? "" : "Z"}`;
}

function daysOf(month: number, year: number): number {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && !isLeap ? 28 : new Date(Date.UTC(2000, month, 0)).getUTCDate();
}
