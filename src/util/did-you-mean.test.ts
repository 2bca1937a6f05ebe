import { expect, test } from "vitest";
import { closestName } from "./did-you-mean.ts";

test.each([
  ["shwo", ["show", "init"], "show"],
  ["donwload", ["download", "list"], "download"],
  ["SmolLM2-135", ["smollm2-135m", "gemma3-270m"], "smollm2-135m"],
  ["modle", ["model", "mode"], "model"],
  ["xyz", ["show", "init"], undefined],
  ["", ["show"], undefined],
])("%s", (name, candidates, expected) => {
  expect(closestName(name, candidates)).toBe(expected);
});
