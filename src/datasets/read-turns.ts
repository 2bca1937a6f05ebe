/** What a row of data says, whatever its columns: a conversation, a pair, an output, a text. */
import type { JsonValue, Row } from "../artifacts.ts";
import { rowText } from "./usable-rows.ts";

export interface Turn {
  /** A role, or the column. */
  role: string;
  content: string;
}

export function readTurns(row: Row): Turn[] {
  const { messages } = row;
  if (Array.isArray(messages))
    return messages.map((message) => ({
      role: rowText(message as Row, "role"),
      content: rowText(message as Row, "content"),
    }));
  const columns = [
    ["system", "user", "assistant"],
    ["context", "question", "response"],
    ["output"],
    ["text"],
    ["document"],
  ];
  const present = columns
    .map((names) => names.filter((name) => rowText(row, name) !== ""))
    .find((names) => names.length > 0);
  return (present ?? Object.keys(row)).map((name) => ({ role: name, content: asText(row[name]) }));
}

function asText(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? null);
}
