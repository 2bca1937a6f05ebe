import { expect, test } from "vitest";
import { readPretrainingTurns } from "./pretraining-turns.ts";

const user = (content: string) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });

test.each([
  // Upstream stops at the first "<", here and inside the answer, and keeps the line break that ends the user's turn.
  ["<|user|>\nDoc a < b here\n\nQ?\n<|assistant|>\nAns<|endoftext|>", [user("Doc a < b here\n\nQ?"), assistant("Ans")]],
  ["<|user|>\nQ\n<|assistant|>\nAns 1 < 2, <b>so</b>\n", [user("Q"), assistant("Ans 1 < 2, <b>so</b>")]],
  [
    "<|start_of_role|>user<|end_of_role|>Q<|end_of_text|>\n<|start_of_role|>assistant<|end_of_role|>A<|end_of_text|>\n",
    [user("Q"), assistant("A")],
  ],
  ["<|user|>Q<|assistant|>A", [user("Q"), assistant("A")]],
  [
    "\n<|system|>\nS\n<|user|>\nQ\n\n<|assistant|>\nA\n<|user|>\nR\n<|assistant|>\nB",
    [{ role: "system", content: "S" }, user("Q\n"), assistant("A"), user("R"), assistant("B")],
  ],
])("%j", (text, turns) => {
  expect(readPretrainingTurns(text)).toEqual(turns);
});

test.each(["The harbour has seven boats.", "In a template <|user|> stands before a question.", "", "a < b"])(
  "%j is a document",
  (text) => {
    expect(readPretrainingTurns(text)).toBeUndefined();
  },
);
