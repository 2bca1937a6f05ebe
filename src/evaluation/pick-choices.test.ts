import { expect, test } from "vitest";
import type { LeafNode } from "../artifacts.ts";
import { answerShape, pickChoices } from "./pick-choices.ts";

const pair = (answer: string, question = `What is ${answer.length}?`) => ({ question, answer });

function leaf(heldOut: string[], seeds: string[] = []): LeafNode {
  return {
    file: "/t/qna.yaml",
    taxonomyPath: "knowledge->t",
    name: "knowledge_t",
    kind: "knowledge",
    createdBy: "x",
    seedExamples: [{ context: "", pairs: seeds.map((answer) => pair(answer)) }],
    heldOut: heldOut.map((answer) => pair(answer)),
  };
}

test.each([
  ["210 metres", "number"],
  ["six times", "number"],
  ["Maren Holloway", "name"],
  ["the Tern", "name"],
  ["Cooper Lane", "name"],
  ["a white otter", "phrase"],
  ["slate", "phrase"],
  ["A fire destroyed half of the houses.", "sentence"],
])("%j has the shape of a %s", (answer, shape) => expect(answerShape(answer)).toBe(shape));

test("answers of the same shape come first, from held-out and seed answers", () => {
  const place = leaf(
    ["210 metres", "Maren Holloway", "slate", "75 kilograms"],
    ["6 times", "1731", "perrin", "Quillham"],
  );
  for (let seed = 0; seed < 20; seed++) {
    const choices = pickChoices(place, place.heldOut[0]!, seed);
    expect(choices.map(({ text }) => text).sort()).toEqual(["1731", "210 metres", "6 times", "75 kilograms"]);
    expect(choices.filter(({ isRight }) => isRight).map(({ text }) => text)).toEqual(["210 metres"]);
  }
});

test("the right answer stands at every place, and one seed always gives one order", () => {
  const place = leaf(["Aa", "Bb", "Cc", "Dd", "Ee"]);
  const places = new Set<number>();
  for (let seed = 0; seed < 40; seed++) {
    const choices = pickChoices(place, place.heldOut[0]!, seed);
    expect(pickChoices(place, place.heldOut[0]!, seed)).toEqual(choices);
    places.add(choices.findIndex(({ isRight }) => isRight));
  }
  expect([...places].sort()).toEqual([0, 1, 2, 3]);
});

test("nothing that is also right, holds the right answer or is part of it is a wrong choice", () => {
  const place = leaf(
    ["Maren Holloway"],
    ["Holloway", "maren holloway", "the architect Maren Holloway", "Holloway, Maren", "Ines"],
  );
  expect(pickChoices(place, place.heldOut[0]!, 1)).toHaveLength(2);
  expect(pickChoices(place, place.heldOut[0]!, 1).map(({ text }) => text)).toContain("Ines");
});

test("equal answers count once", () => {
  const place = leaf(["Desk: Loans", "Desk: Repairs", "Desk: Loans", "Desk: Repairs", "Desk: Rooms"]);
  expect(
    pickChoices(place, place.heldOut[0]!, 3)
      .map(({ text }) => text)
      .sort(),
  ).toEqual(["Desk: Loans", "Desk: Repairs", "Desk: Rooms"]);
});
