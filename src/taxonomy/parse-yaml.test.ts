import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { parseYaml } from "./parse-yaml.ts";

/** What PyYAML's safe_load, which taxonomies were written for, makes of `a: WORD`. */
const readings: Record<string, string[]> = {
  bool: ["yes", "No", "on", "OFF", "true", "True", "FALSE"],
  NoneType: ["null", "~", "Null", "", "#x"],
  int: ["1", "0", "-1", "+1", "010", "0x1F", "0b11", "1_000", "1:30", "190:20:30", "9999999999999999999999"],
  float: ["1.5", "1.", "1.5e+3", ".5", "-.inf", ".NaN", "1:30.5"],
  date: ["2024-01-01"],
  datetime: ["2024-01-01 10:00:00", "2024-1-1T10:00:00Z"],
  list: ["[x]"],
  str: [
    ...["y", "N", "0o10", "1e3", "1.5e3", "e1", "08", "09", "0123456789", "2024-1-1", "12,5", "4,300", "1 2", "--"],
    ...["a:b", "http://x", "1.2.3", "Infinity", "NaN", "None", "16 March", "£5", "5%", "1/2", "a#x", "'1'", '"yes"'],
  ],
  error: ["@x", "`x`", "%x", "*x", "- x", "'", "{", "a: b"],
};
const words = Object.entries(readings).flatMap(([kind, list]) => list.map((word) => [word, kind] as const));

describe("a word is read as PyYAML reads it", () => {
  test.each(words)("%j: %s", (word, kind) => {
    const { yaml } = parseYaml(`a: ${word}\n`);
    const value = yaml === undefined ? undefined : (yaml.value as { a: unknown }).a;
    const found =
      yaml === undefined
        ? "error"
        : value === null
          ? "null"
          : Array.isArray(value)
            ? "list"
            : typeof value === "symbol"
              ? "date"
              : typeof value;
    const expected: Record<string, string> = {
      ...{ bool: "boolean", NoneType: "null", int: "number", float: "number", date: "date", datetime: "date" },
      ...{ list: "list", str: "string", error: "error" },
    };
    expect(found).toBe(expected[kind]);
  });

  test("and PyYAML agrees, where it is installed", ({ skip }) => {
    const script = `
import json, sys, yaml
def kind(word):
    try:
        return type(yaml.safe_load("a: " + word + "\\n")["a"]).__name__
    except Exception:
        return "error"
print(json.dumps([kind(word) for word in json.load(sys.stdin)]))`;
    let output: string;
    try {
      const input = JSON.stringify(words.map(([word]) => word));
      output = execFileSync("python3", ["-c", script], { input, encoding: "utf8", stdio: ["pipe", "pipe", "ignore"] });
    } catch {
      return skip("python3 with PyYAML is not there");
    }
    expect(JSON.parse(output)).toEqual(words.map(([, kind]) => kind));
  });
});

test("places are found through anchors and merges, and the nearest thing stands in for what is not there", () => {
  const { yaml } = parseYaml("base: &b\n  x: 1\nmine:\n  <<: *b\n  list:\n    - y: 2\n");
  expect(yaml?.value).toEqual({ base: { x: 1 }, mine: { x: 1, list: [{ y: 2 }] } });
  expect(yaml?.locate(["mine", "x"])).toEqual({ line: 2, column: 6 });
  expect(yaml?.locate(["mine", "list", 0, "y"])).toEqual({ line: 6, column: 10 });
  expect(yaml?.locate(["mine", "list", 0, "y"], "key")).toEqual({ line: 6, column: 7 });
  expect(yaml?.locate(["mine", "list", 0, "z"])).toEqual({ line: 6, column: 7 });
  expect(yaml?.locate([])).toEqual({ line: 1, column: 1 });
  expect(yaml?.sourceOf(["mine", "list", 0, "y"])).toBe("2");
  expect(yaml?.sourceOf(["mine", "nothing"])).toBe("");
});
