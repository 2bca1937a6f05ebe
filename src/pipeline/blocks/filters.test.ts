import { expect, test } from "vitest";
import type { Row } from "../../artifacts.ts";
import { runBlock } from "../test-block.ts";
import { testLeaf } from "../test-leaf.ts";

const run = (type: string, config: object, rows: Row[], answers: string[] = [], seeds = testLeaf()) =>
  runBlock(type, config, rows, { answers, seeds });

const window = "The ferry Heron, built in 1902 by Ines Dorrow, crosses the lake six times a day and is 48 metres long.";
const pair = (question: string, response: string): Row => ({ window, subject: "Tarn", question, response });

test.each<[string, string, string | undefined]>([
  ["Who built the ferry Heron?", "Ines Dorrow built it.", undefined],
  ["How long is the ferry?", "48 metres.", undefined],
  ["How often does the ferry cross the lake?", "It crosses the lake 6 times a day.", undefined],
  ["Who built the ferry?", "Oskar Dorrow.", "a name of the answer is not in the text"],
  ["Who built the ferry of Port Amble?", "Ines Dorrow.", "a name of the question is not in the text"],
  ["When was the ferry built?", "In 1903.", "a number of the answer is not in the text"],
  ["What happened to the ferry in 1950?", "It crosses the lake.", "a number of the question is not in the text"],
  [
    "How many passengers does the ferry have?",
    "The ferry has 48 passengers.",
    "the number counts something else in the text",
  ],
  ["Why is the submarine famous?", "It crosses the lake.", "the question is about something else"],
  ["What does the ferry do?", "It carries sheep.", "the answer says what the text does not"],
])("grounded: %s %s", async (question, response, reason) => {
  const { reasons } = await run("GroundedFilterBlock", { question_words: ["long often"] }, [pair(question, response)]);
  expect(reasons).toEqual(reason === undefined ? [] : [reason]);
});

test.each<[string, string, string | undefined]>([
  ["Who built the ferry?", "Ines Dorrow.", undefined],
  ["When was the ferry built?", "In 1902.", undefined],
  ["How long is the ferry?", "The ferry is 48 metres long.", undefined],
  ["What is the ferry?", "The ferry is a ferry.", "the answer says nothing new"],
  ["What is the ferry", "The Heron.", "the question is not a question"],
  ["Who built the ferry?", "Built in 1902.", "the answer is not of the kind asked for"],
  ["When was the ferry built?", "Ines Dorrow built the ferry.", "the answer is not of the kind asked for"],
  ["Where does the ferry cross?", "It crosses in 1902.", "the answer is not of the kind asked for"],
  ["In which year was the ferry built?", "It is 48 metres long.", "the answer is not of the kind asked for"],
])("informative: %s %s", async (question, response, reason) => {
  const { reasons } = await run("InformativeFilterBlock", {}, [pair(question, response)]);
  expect(reasons).toEqual(reason === undefined ? [] : [reason]);
});

test("answers that contradict each other both go, answers that agree stay", async () => {
  const { result, reasons } = await run("AgreementFilterBlock", {}, [
    pair("Who built it?", "Ines Dorrow."),
    pair("who built it", "Marta Quill."),
    pair("How long is it?", "48 metres."),
    pair("How long is it?", "It is 48 metres long."),
  ]);
  expect(result.map((row) => row["response"])).toEqual(["48 metres.", "It is 48 metres long."]);
  expect(reasons).toHaveLength(2);
});

test("duplicates are found through case and punctuation", async () => {
  const rows = [
    pair("Who built it?", "Ines Dorrow."),
    pair("who built it", "ines dorrow"),
    pair("Who built it?", "48"),
  ];
  expect((await run("DuplicateFilterBlock", { columns: ["question", "response"] }, rows)).result).toEqual([
    rows[0],
    rows[2],
  ]);
});

test("the subject is named where a question only hints at it", async () => {
  const config = { wordings: ["About {name}: {question}"] };
  const rows = ["How old is the town?", "How high is the town wall?", "How old is Tarn?", "Who is Ines Dorrow?"].map(
    (question) => ({
      ...pair(question, "x"),
      subject_nouns: ["town"],
    }),
  );
  const { result } = await run("NameSubjectBlock", config, rows);
  expect(result.map((row) => row["question"])).toEqual([
    "How old is Tarn?",
    "About Tarn: how high is the town wall?",
    "How old is Tarn?",
    "Who is Ines Dorrow?",
  ]);
});

test("echo questions are made only for what no answer holds", async () => {
  const rows = [
    {
      sentence: "The tower was designed by Marta Quill.",
      question: "Who designed the tower?",
      response: "Marta Quill.",
    },
  ];
  const { result } = await run("EchoQuestionBlock", { wordings: ["{question}", "About {name}: {question}"] }, rows);
  const echoes = result.slice(1).map((row) => `${row["question"]} ${row["response"]}`);
  expect(echoes).toContain("Tarn is a town on what? Lake Ossel.");
  expect(echoes).toContain("About Tarn: Tarn is a town on what? Tarn is a town on Lake Ossel.");
  expect(echoes.filter((echo) => /Marta Quill\.$/.test(echo))).toEqual([]);
});

test("blocks that add rows name every column they add", async () => {
  const rows = [{ question: "q", response: "r", sentence: "s" }];
  expect((await run("PatternQuestionBlock", {}, rows)).result.length).toBeGreaterThan(1);
  const reach = await run("SentenceReachBlock", { about: ["Tell me about {name}."] }, rows);
  expect(reach.result).toContainEqual(
    expect.objectContaining({
      question: "Tell me about Marta Quill.",
      response: "The tower was designed by Marta Quill.",
    }),
  );
});

test("records that copy a seed, are empty or far too long are no new records", async () => {
  const { reasons, result } = await run("SeedFormFilterBlock", {}, [
    pair("Who founded Tarn?", "Someone."),
    pair("Who built Tarn again?", ""),
    pair("Who built Tarn again?", "Hedda ".repeat(40)),
    pair("Who built Tarn again?", "Hedda Brann."),
  ]);
  expect(reasons).toEqual(["a copy of a seed", "a part is empty", "far longer than the seeds"]);
  expect(result).toHaveLength(1);
});

test("where the seeds choose among fixed answers, new records must as well", async () => {
  const labelled = ["Loans", "Rooms", "Loans", "Rooms"].map((answer, index) => ({
    question: `Message number ${index}?`,
    answer,
  }));
  const seeds = testLeaf();
  seeds.leaf = { ...seeds.leaf, seedExamples: [{ pairs: labelled }] };
  const { reasons, result } = await run(
    "SeedFormFilterBlock",
    {},
    [pair("Message about a film?", "Loans"), pair("Message about a hall?", "Halls")],
    [],
    seeds,
  );
  expect(result.map((row) => row["response"])).toEqual(["Loans"]);
  expect(reasons).toEqual(["not one of the seeds' fixed answers"]);
});

test("questions to fixed answers are kept when the teacher answers them the same way", async () => {
  const seeds = testLeaf();
  const texts = ["A book please", "The hall please", "Films for me", "Space for six"];
  const pairs = texts.map((text, index) => ({
    question: `Which desk? "${text}."`,
    answer: index % 2 === 0 ? "Loans" : "Rooms",
  }));
  seeds.leaf = { ...seeds.leaf, kind: "freeform_skill", seedExamples: [{ pairs }] };
  const script = [' want a film."', ' want a hall."', " Loans", " Loans"];
  const { result, reasons, prompts } = await run("LabelledCompletionBlock", { openers: ["I"] }, [], script, seeds);
  expect(result.map(({ question, response }) => [question, response])).toEqual([
    ['Which desk? "I want a film."', "Loans"],
  ]);
  expect(reasons).toEqual(["the teacher itself answers otherwise"]);
  expect(JSON.parse(prompts[0]!).text.endsWith('Answer: Loans\nQuestion: Which desk? "I')).toBe(true);
  expect((await run("LabelledCompletionBlock", { openers: ["I"] }, [])).prompts).toEqual([]);
});
