// A block type of your own, for use in a pipeline file. No packages are needed: the default export is the block.
//
// This one takes the place of a teacher while a pipeline is tried out: it asks nothing and makes up the values of its columns. Python InstructLab's
// own mock pipelines, and its real ones with `LLMBlock` written as `MockLLMBlock`, come out with rows:
//
//     ilab data generate --pipeline MY-PIPELINES --block-files mock-teacher.mjs
import { createHash } from "node:crypto";

// What the filters of those pipelines look for; a block's name tells which score it gives.
const verdicts = (column, block) => {
  if (column === "judgment") return "YES";
  if (column === "rating") return "1";
  if (column === "score") return /pair|relevancy/.test(block) ? "2" : "1";
  return undefined;
};

export default {
  // The name that pipeline files use.
  type: "MockLLMBlock",
  summary: "makes up the columns that a teacher would write",

  // JSON Schema of `config` in the pipeline file; checked, with defaults filled in, before anything runs.
  configSchema: {
    type: "object",
    required: ["output_cols"],
    additionalProperties: false,
    properties: {
      output_cols: { type: "array", items: { type: "string" }, minItems: 1 },
      config_path: { type: "string" },
      model_id: { type: "string" },
      model_family: { type: "string" },
      parser_kwargs: { type: "object" },
      batch_kwargs: { type: "object" },
      gen_kwargs: {
        type: "object",
        default: {},
        properties: { n: { anyOf: [{ type: "integer", minimum: 1 }, { const: "scaled" }], default: 1 } },
      },
      // What these columns hold instead of made-up text, so that filters find what they look for.
      values: { type: "object", default: {} },
    },
  },

  // Called once, when the pipeline is loaded. `directory` is the pipeline file's; `settings.name` is the block's name in it.
  create({ output_cols, gen_kwargs, values }, directory, settings) {
    return {
      // Columns that rows must have, and the columns of the result: the whole pipeline is checked with these.
      inputColumns: [],
      outputColumns: (columns) => [...new Set([...columns, ...output_cols])],

      // One row in, any number of rows out; `context.drop(row, reason)` accounts for those that are left out.
      // A block that needs all rows of a leaf at once has `run(rows, context)` instead.
      async runRow(row, context) {
        // Of the row's content: other rows get other texts, and the same row always the same.
        const mark = createHash("sha256").update(JSON.stringify(row)).digest("hex").slice(0, 8);
        const text = (column, number) => {
          const made = `${column} ${number} of ${settings.name} for ${mark}`;
          // A question and its answer in one.
          return column === "output" ? `Which is ${made}? It is this one.` : made;
        };
        const count = gen_kwargs.n === "scaled" ? settings.scaleFactor : gen_kwargs.n;
        return Array.from({ length: count }, (_, index) => ({
          ...row,
          ...Object.fromEntries(
            output_cols.map((column) => [
              column,
              values[column] ?? verdicts(column, settings.name) ?? text(column, index + 1),
            ]),
          ),
        }));
      },
    };
  },
};
