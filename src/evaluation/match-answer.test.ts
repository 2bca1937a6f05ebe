import { expect, test } from "vitest";
import { matchAnswer, requiredParts } from "./match-answer.ts";

const right: [question: string, reference: string, answer: string][] = [
  ["Who rebuilt the centre?", "Maren Holloway", "The centre was rebuilt by Maren Holloway in 1740."],
  ["Who rebuilt the centre?", "Maren Holloway rebuilt the centre.", "maren holloway"],
  ["Which castle stands there?", "Veldermoor Castle", "It is the castle of Veldermoor."],
  ["Which boat is best known?", "the Tern", "Its best-known boat is the Tern."],
  ["How high is it?", "210 metres", "It lies 210 m above the sea."],
  ["How high is it?", "1,200 metres", "It is 1200 metres high."],
  ["How often does it cross?", "six times", "It crosses 6 times each day."],
  ["How many?", "twelve", "There are twelve of them."],
  ["In which century?", "in the 5th century", "That was in the fifth century."],
  ["How heavy is the bell?", "75 kilograms", "The bell weighs 75kg."],
  ["What is on the roofs?", "slate", "The roofs are covered with Slate."],
  [
    "What happened in 1731?",
    "A fire destroyed half of the houses.",
    "In 1731 a fire was destroying half of every house.",
  ],
  ["Which building houses the museum?", "the old salt house", "The museum is in the old salt house."],
  ["Where is the museum?", "Rue de l'Église", "It is at Rue de l’Eglise 4"],
  ["Who was it?", "José Müller", "It was Jose Muller."],
  ["Whose boat is it?", "Ines Dorrow's boat", "It belongs to Ines Dorrow."],
  ["Which desk answers?", "Desk: Loans", "Desk: Loans"],
  // Merrowby is in the question; the lake is what was asked.
  ["Where does Merrowby lie?", "Merrowby lies on Lake Tamsin.", "On Lake Tamsin."],
  ["Is the door red or blue?", "red", "The door is red."],
  ["Does it close at night?", "No.", "No, it does not."],
  // Declining words inside an answer that is given.
  ["What did he say?", "I am sorry", "I am sorry."],
  ["Is A or B taller?", "A40 road", "The A40 road is."],
];

test.each(right)("%s / %s: right is %j", (question, reference, answer) => {
  expect(matchAnswer(question, reference, answer)).toMatchObject({ isCorrect: true, missing: [] });
});

const wrong: [question: string, reference: string, answer: string][] = [
  ["Who rebuilt the centre?", "Maren Holloway", "Maren Hollander rebuilt it."],
  ["Who rebuilt the centre?", "Maren Holloway", "Holloway"],
  ["How high is it?", "210 metres", "It is 2100 metres high."],
  ["How high is it?", "210 metres", "It is many metres high."],
  ["How high is it?", "1,200 metres", "between 1 and 200 metres"],
  ["How often?", "six times", "sixteen times"],
  ["What are the roofs made of?", "slate", "The roofs are made of slats."],
  ["What happened in 1731?", "A fire destroyed half of the houses.", "In 1731 a flood destroyed half of the houses."],
  ["Where does Merrowby lie?", "Merrowby lies on Lake Tamsin.", "Merrowby lies on a lake."],
  ["Where does Merrowby lie?", "Merrowby lies on Lake Tamsin.", "Where does Merrowby lie?"],
  [
    "In which year, 1731 or 1740, was Merrowby rebuilt?",
    "in 1740",
    "In which year, 1731 or 1740, was Merrowby rebuilt?",
  ],
  ["Is the door red or blue?", "red", "Is the door red or blue?"],
  ["Who is the captain?", "Ines Dorrow", "I'm sorry, but I cannot say whether Ines Dorrow is the captain."],
  ["Who is the captain?", "Ines Dorrow", "I don’t know whether it is Ines Dorrow."],
  ["Who is the captain?", "Ines Dorrow", ""],
  ["Which desk answers?", "Desk: Loans", "Desk: Repairs"],
  ["Anything?", "...", "Something."],
];

test.each(wrong)("%s / %s: wrong is %j", (question, reference, answer) => {
  expect(matchAnswer(question, reference, answer).isCorrect).toBe(false);
});

test("the question itself never counts, whatever the reference", () => {
  for (const [question, reference] of right) expect(matchAnswer(question, reference, question).isCorrect).toBe(false);
});

test("the reference itself always counts", () => {
  for (const [question, reference] of right) expect(matchAnswer(question, reference, reference).isCorrect).toBe(true);
});

test("what is required", () => {
  expect(requiredParts("Who?", "The captain is Ines Dorrow, aged 40.")).toEqual(["40", "ine", "dorrow"]);
  expect(requiredParts("How old is Ines Dorrow?", "Ines Dorrow is 40.")).toEqual(["40"]);
  expect(requiredParts("What is it?", "A large white otter.")).toEqual(["large", "white", "otter"]);
  expect(requiredParts("Where is Merrowby?", "Merrowby is in the north.")).toEqual(["north"]);
  expect(requiredParts("Is it Merrowby?", "Merrowby")).toEqual(["merrowby"]);
  // A unit is no name, and a word at the beginning of a sentence is not one because of its capital.
  expect(requiredParts("How warm is it?", "It is 20 degrees Celsius.")).toEqual(["20"]);
  expect(requiredParts("What is it made of?", "Slate from the hills.")).toEqual(["slate", "hill"]);
});
