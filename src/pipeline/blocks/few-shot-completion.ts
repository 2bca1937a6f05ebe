/**
 * Has the teacher complete a text of records: some of the leaf's own seed pairs, then a record that stops where the wanted part begins.
 * Small models that fail at instructions do this well. Greedy; variety comes from rotated seeds and from forced first words.
 */
import { isAbsolute, join } from "node:path";
import { z } from "zod";
import type { Row } from "../../artifacts.ts";
import { type Block, cellText, defineBlock, withColumns } from "../block.ts";
import { pipelineError, readYamlFile } from "../files/read-yaml-file.ts";
import { readTemplate } from "../files/template.ts";
import { mapRows } from "../map-rows.ts";
import { CHARACTERS_PER_TOKEN, partOfImagined } from "../teacher/imagined.ts";
import { type SeedTriple, seedTriples } from "../text/seed-triples.ts";

const configSchema = z.strictObject({
  config_path: z.string(),
  /** Fields of the record that are given: field name -> column of the row. The others are completed. */
  given: z.record(z.string(), z.string()).default({}),
  /** Prompts with differently chosen seeds per row and opener. */
  rotations: z.number().int().min(1).max(64).default(4),
  /** One row stands for all: for records in which nothing is given, so that equal prompts would be asked for every row. */
  once_per_leaf: z.boolean().default(false),
});

const openerSchema = z.strictObject({
  /** First words of the completion; empty leaves them to the model. */
  text: z.string(),
  /** Used only for rows whose first given field matches . */
  when: z.string().optional(),
  /** Not used for rows whose first given field matches. */
  unless: z.string().optional(),
  /** Upper bound of rotations for this opener. */
  rotations: z.number().int().positive().optional(),
});

const promptSchema = z.strictObject({
  /** Jinja; its names are columns. */
  introduction: z.string().default(""),
  /** Label of each field of a record, in order; fields are context, text, question, response. */
  record: z
    .array(z.strictObject({ label: z.string(), field: z.enum(["context", "text", "question", "response"]) }))
    .min(1),
  /** Between records; also ends the completion. */
  separator: z.string().min(1).default("\n\n"),
  /** Seed records in a prompt. */
  examples: z.number().int().positive().default(4),
  max_tokens: z.number().int().positive().default(64),
  openers: z
    .array(openerSchema)
    .min(1)
    .default([{ text: "" }]),
});
type Prompt = z.infer<typeof promptSchema>;
type Opener = z.infer<typeof openerSchema>;

interface Task {
  row: Row;
  opener: string;
  rotation: number;
}

export const fewShotCompletionBlock = defineBlock<z.infer<typeof configSchema>>({
  type: "FewShotCompletionBlock",
  asks: true,
  summary: "completes records in the form of the leaf's own seeds",
  configSchema,
  async create(config, directory): Promise<Block> {
    const file = isAbsolute(config.config_path) ? config.config_path : join(directory, config.config_path);
    const prompt = await readYamlFile(file, promptSchema);
    const openers = prompt.openers.map((opener) => compileOpener(opener, file));
    const introduction = readTemplate(prompt.introduction, `${file}: introduction`);
    const given = prompt.record.filter(({ field }) => Object.hasOwn(config.given, field));
    const wanted = prompt.record.slice(given.length);
    return {
      inputColumns: [...Object.values(config.given), ...introduction.names],
      outputColumns: (columns) => withColumns(columns, ...wanted.map(({ field }) => field), "rotation", "dataset_type"),
      async run(rows, context) {
        const seeds = seedTriples(context.seeds.leaf);
        const lengths = seeds.map((seed) => wanted.reduce((sum, { field }) => sum + seed[field].length, 0));
        const likelyTokens = Math.ceil(lengths.reduce((a, b) => a + b, 0) / seeds.length / CHARACTERS_PER_TOKEN);
        const tasks: Task[] = [];
        // Prompts that share their beginning follow each other, so that the model need not read it again.
        const used = config.once_per_leaf ? rows.slice(0, 1) : rows;
        for (let rotation = 0; rotation < config.rotations; rotation++)
          for (const opener of openers)
            for (const row of used)
              if (
                rotation < opener.rotations &&
                opener.fits(cellText(row, given[0] ? config.given[given[0].field]! : ""))
              )
                tasks.push({ row, opener: opener.text, rotation });
        return mapRows(
          tasks.map(({ row }) => row),
          context,
          async (row, index) => {
            const { opener, rotation } = tasks[index]!;
            const shots = chooseSeeds(seeds, prompt.examples, rotation);
            const head = [introduction.render(row).trim(), ...shots.map((shot) => record(prompt, shot))].filter(
              (part) => part !== "",
            );
            const open = given.map(({ label, field }) => `${label}: ${cellText(row, config.given[field]!)}\n`).join("");
            const start = `${open}${wanted[0]!.label}:${opener === "" ? "" : ` ${opener}`}`;
            const answer = await context.ask({
              prompt: { text: [...head, start].join(prompt.separator) },
              maxTokens: prompt.max_tokens,
              temperature: 0,
              stop: [prompt.separator, `\n${prompt.record[0]!.label}:`],
              expectedTokens: Math.min(likelyTokens, prompt.max_tokens),
            });
            if (answer.isImagined) {
              const parts = wanted.map(({ field }, part) => [field, partOfImagined(answer.text, wanted.length, part)]);
              return [{ ...row, ...Object.fromEntries(parts), rotation, dataset_type: "qa" }];
            }
            const fields = readRecord(`${opener}${answer.text}`, wanted);
            const made: Row = { ...row, ...fields, rotation, dataset_type: "qa" };
            if (wanted.some(({ field }) => fields[field] === undefined)) {
              context.drop({ ...row, completion: `${opener}${answer.text}` }, "incomplete record");
              return [];
            }
            if (answer.finishReason === "length") {
              context.drop(made, "longer than max_tokens");
              return [];
            }
            return [made];
          },
        );
      },
    };
  },
});

function compileOpener(opener: Opener, file: string) {
  const pattern = (text: string | undefined) => {
    if (text === undefined) return undefined;
    try {
      return new RegExp(text, "u");
    } catch (cause) {
      throw pipelineError(`${file}: opener '${opener.text}': ${(cause as Error).message}`);
    }
  };
  const when = pattern(opener.when);
  const unless = pattern(opener.unless);
  return {
    text: opener.text,
    rotations: opener.rotations ?? Number.POSITIVE_INFINITY,
    fits: (text: string) => (when === undefined || when.test(text)) && (unless === undefined || !unless.test(text)),
  };
}

/**
 * Seeds for a prompt, taken round the list from the rotation's own place; a question word that is there already waits, so that the
 * examples ask in different ways. All prompts of a rotation begin alike, which lets the model keep what it has read.
 */
function chooseSeeds(seeds: readonly SeedTriple[], count: number, rotation: number): SeedTriple[] {
  // A step that shares no divisor with the length visits one context after the other instead of the pairs of one.
  const step = [4, 5, 7, 3, 2, 1].find((value) => greatestDivisor(value, seeds.length) === 1) ?? 1;
  const round = seeds.map((_, index) => seeds[(rotation * (count + 1) + index * step) % seeds.length]!);
  const words = new Set<string>();
  const fresh = round.filter(({ question }) => {
    const word = question.split(/\s/)[0]!.toLowerCase();
    return !words.has(word) && words.add(word);
  });
  return [...fresh, ...round.filter((seed) => !fresh.includes(seed))].slice(0, count);
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

function record(prompt: Prompt, seed: SeedTriple): string {
  return prompt.record.map(({ label, field }) => `${label}: ${seed[field]}`).join("\n");
}

/** Splits a completion at the labels that follow; a field whose label is missing is undefined. */
function readRecord(text: string, wanted: Prompt["record"]): Record<string, string> {
  const fields: Record<string, string> = {};
  let rest = text;
  wanted.forEach(({ field }, index) => {
    const next = wanted[index + 1];
    const at = next === undefined ? rest.length : rest.indexOf(`\n${next.label}:`);
    if (at < 0) {
      rest = "";
      return;
    }
    const value = rest.slice(0, at).trim();
    if (value !== "") fields[field] = value;
    rest = next === undefined ? "" : rest.slice(at + next.label.length + 2);
  });
  return fields;
}
