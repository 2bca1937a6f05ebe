import { expect, test } from "vitest";
import { patternQuestions } from "./pattern-questions.ts";
import { rewordings } from "./rewordings.ts";
import { sentencesAlone } from "./sentences-alone.ts";
import { simpleStatements } from "./simple-statements.ts";
import { subjectOf } from "./subject-of.ts";
import { contentStems, namesIn, numberStems } from "./words.ts";

test("names are runs of capitals, with the small words inside them", () => {
  const text =
    "The Museum of Nets lies near Port Amble. Foxes like the Skylark 7, and Ada, Berta and Cora turn in May.";
  expect(namesIn(text)).toEqual(["Museum of Nets", "Port Amble", "Skylark 7", "Ada", "Berta", "Cora"]);
  expect(namesIn("Merrowby is a town.", "A road leads to Merrowby.")).toEqual(["Merrowby"]);
});

test("numbers are the same in digits, in words and with separators", () => {
  expect([...numberStems("seven gates, 4,300 people and twelve boats")]).toEqual(["7", "4300", "12"]);
});

test("inflected words share a stem", () => {
  for (const [a, b] of [
    ["employs", "employer"],
    ["founded", "founder"],
    ["painted", "paints"],
    ["crosses", "crossing"],
  ] as const)
    expect([...contentStems(a)], `${a} ${b}`).toEqual([...contentStems(b)]);
});

test.each([
  [
    "The island of Ilvaray",
    "Ilvaray is a volcanic island in the north. The island has two ports. Ilvaray is cold.",
    "Ilvaray",
    ["island"],
  ],
  [
    "Skylark 7 weather station",
    "The Skylark 7 is a weather station. The station weighs little.",
    "Skylark 7",
    ["station"],
  ],
  ["", "People in Tarn like Tarn more than Port Amble.", "Tarn", []],
])("the subject of '%s'", (title, text, name, nouns) => {
  expect(subjectOf(title, text)).toEqual({ name, nouns });
});

test("sentences that point back are made to stand alone, or keep the sentence before", () => {
  const alone = (text: string) => sentencesAlone(text, "Tarn").map(({ window }) => window);
  expect(alone("Tarn is a town. It was founded in 1287.")).toEqual(["Tarn is a town.", "Tarn was founded in 1287."]);
  expect(alone("The clock tower on Fennel Square is old. Its bell weighs three tonnes.")[1]).toBe(
    "The clock tower's bell weighs three tonnes.",
  );
  expect(alone("Tarn was founded by the ferryman Aldous Fenn. He built a harbour.")[1]).toBe(
    "Aldous Fenn built a harbour.",
  );
  expect(alone("Pears grow here. They are sweet.")[1]).toBe("Pears grow here. They are sweet.");
});

test.each([
  ["Tarn was founded in 1287 by the ferryman Aldous Fenn.", ["When was Tarn founded?", "Tarn was founded in 1287."]],
  ["Tarn was founded in 1287 by the ferryman Aldous Fenn.", ["Who founded Tarn?", "The ferryman Aldous Fenn."]],
  [
    "The Osk mill, the largest employer, was opened in 1831 and has 310 workers.",
    ["In which year was the Osk mill opened?", "In 1831."],
  ],
  [
    "The town wall has seven gates, and one is red.",
    ["How many gates does the town wall have?", "The town wall has seven gates."],
  ],
  [
    "Lake Tamsin is 11 kilometres long and 38 metres deep.",
    ["How deep is Lake Tamsin?", "Lake Tamsin is 38 metres deep."],
  ],
  ["The vineyards grow a white grape called Pelline.", ["What is the name of the white grape?", "Pelline."]],
  ["Lise Okonjo designed the tower.", ["Who designed the tower?", "Lise Okonjo."]],
  [
    "The captain of the ferry is Ines Dorrow.",
    ["Who is the captain of the ferry?", "The captain of the ferry is Ines Dorrow."],
  ],
  [
    "The ferry Heron crosses the lake six times a day.",
    ["How often does the ferry Heron cross the lake?", "The ferry Heron crosses the lake six times a day."],
  ],
  [
    "The museum stands in the old salt house.",
    ["Where does the museum stand?", "The museum stands in the old salt house."],
  ],
])("%s gives a question away", (sentence, [question, response]) => {
  expect(patternQuestions(sentence)).toContainEqual({ question, response });
});

test("questions that could mean anything are not asked", () => {
  const questions = ["The Skylark 7 is a weather station.", "The Skylark 7 has eight sensors."]
    .flatMap(patternQuestions)
    .map(({ question }) => question);
  expect(questions).toContain("How many sensors does the Skylark 7 have?");
  expect(questions).not.toContain("What is a weather station?");
  expect(questions).not.toContain("What has eight sensors?");
});

test.each([
  "Between its toes it has small webs.",
  'He said: "The tower is 48 metres high."',
  "If the wind blows, the ferry stops.",
])("%s gives none away", (sentence) => {
  expect(patternQuestions(sentence)).toEqual([]);
});

test.each([
  ["Its chief enemy is the marsh eagle, which hunts at dawn.", ["The marsh eagle hunts at dawn."]],
  ["The Osk mill was opened in 1831 and has 310 workers.", ["The Osk mill has 310 workers."]],
  [
    "The head of the council is Brannoch Teal, a former lighthouse keeper.",
    ["Brannoch Teal is a former lighthouse keeper."],
  ],
  ["It keeps the longest net in the world, which measures 920 metres.", []],
  ["The largest employer is Pell and Daughters, which has 160 workers.", []],
  ["The town was rebuilt in slate, which is why it is called blue.", []],
])("%s says in plain statements", (sentence, statements) => {
  expect(simpleStatements(sentence)).toEqual([sentence, ...statements]);
});

test.each([
  ["What is the name of the ferry?", ["What is the ferry called?", "Name the ferry."]],
  ["How high is the tower?", ["What is the height of the tower?"]],
  ["How warm is the lake?", []],
  [
    "Who designed the tower?",
    ["What is the name of the person who designed the tower?", "By whom was the tower designed?"],
  ],
  [
    "Who led the settlers to the island in 1120 in boats?",
    ["What is the name of the person who led the settlers to the island in 1120 in boats?"],
  ],
  ["Where does the ferry go?", []],
])("%s in other words", (question, others) => {
  expect(rewordings(question)).toEqual(others);
});
