import { expect, test } from "vitest";
import { phraseQuestions } from "./phrase-questions.ts";

test.each([
  [
    "The mail boat Orrin needs four hours for the journey.",
    [
      "How many hours does the mail boat Orrin need for the journey?",
      "The mail boat Orrin needs four hours for the journey.",
    ],
  ],
  [
    "In 1702 the mill was sold to the baker Lena Voss for six pigs.",
    [
      "To which baker was the mill sold for six pigs in 1702?",
      "The mill was sold to the baker Lena Voss for six pigs in 1702.",
    ],
  ],
  [
    "The cheese is sold in red boxes under the name Southstar.",
    ["Under which name is the cheese sold in red boxes?", "The cheese is sold in red boxes under the name Southstar."],
  ],
  ["The two bells are named Ada and Bea.", ["What are the two bells named?", "The two bells are named Ada and Bea."]],
  [
    "A small harbour was opened near Tolm in 1987.",
    ["Where was a small harbour opened in 1987?", "A small harbour was opened near Tolm in 1987."],
  ],
])("%s", (sentence, [question, response]) => {
  expect(phraseQuestions(sentence)).toContainEqual({ question, response });
});

test.each(["The first customer was the ski school at Hohen.", "The fair takes place in October.", "It rains often."])(
  "nothing is asked about: %s",
  (sentence) => {
    expect(phraseQuestions(sentence)).toEqual([]);
  },
);
