// A block type of your own, for use in a pipeline file. No packages are needed: the default export is the block.
//
// This one takes the place of a teacher while a pipeline is tried out: it asks nothing and makes up the values of its columns.

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
        properties: { n: { type: "integer", minimum: 1, default: 1 } },
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
        return Array.from({ length: gen_kwargs.n }, (_, index) => ({
          ...row,
          ...Object.fromEntries(
            output_cols.map((column) => [column, values[column] ?? `${column} ${index + 1} of ${settings.name}`]),
          ),
        }));
      },
    };
  },
};
