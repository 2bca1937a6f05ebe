/** sdg_hub's PromptBuilderBlock: a file of message templates, rendered with the row, becomes a column of messages. */
import { isAbsolute, join } from "node:path";
import { z } from "zod";
import type { Row } from "../../artifacts.ts";
import { defineBlock, withColumns } from "../block.ts";
import { pipelineError, readYamlFile } from "../files/read-yaml-file.ts";
import { readTemplate } from "../files/template.ts";

const configSchema = z.strictObject({
  /** Columns, or column -> name in the templates. */
  input_cols: z.union([z.string(), z.array(z.string()), z.record(z.string(), z.string())]),
  output_col: z.string(),
  prompt_config_path: z.string(),
  /** False: one text, each message behind its role. */
  format_as_messages: z.boolean().default(true),
});

const promptSchema = z
  .array(z.strictObject({ role: z.enum(["system", "user", "assistant", "tool"]), content: z.string() }))
  .refine((messages) => messages.at(-1)?.role === "user", "the last message must have the role user");

export const promptBuilderBlock = defineBlock<z.infer<typeof configSchema>>({
  type: "PromptBuilderBlock",
  summary: "renders a file of message templates into a column of messages (sdg_hub)",
  configSchema,
  async create({ input_cols, output_col, prompt_config_path, format_as_messages }, directory, settings) {
    const file = isAbsolute(prompt_config_path) ? prompt_config_path : join(directory, prompt_config_path);
    settings.noteFile(file);
    const messages = (await readYamlFile(file, promptSchema)).map(({ role, content }, index) => ({
      role,
      template: readTemplate(content, `${file}: message ${index + 1}`),
    }));
    const variables: [column: string, name: string][] =
      typeof input_cols === "object" && !Array.isArray(input_cols)
        ? Object.entries(input_cols)
        : [input_cols].flat().map((column) => [column, column]);
    const given = variables.map(([, name]) => name);
    const unknown = messages.flatMap(({ template }) => template.names).find((name) => !given.includes(name));
    if (unknown !== undefined)
      throw pipelineError(
        `${file}: the template asks for '${unknown}', which is not among input_cols: ${given.join(", ")}`,
      );
    return {
      inputColumns: variables.map(([column]) => column),
      outputColumns: (columns) => withColumns(columns, output_col),
      runRow(row): Row[] {
        const values = Object.fromEntries(variables.map(([column, name]) => [name, row[column]]));
        const made = messages.map(({ role, template }) => ({ role, content: template.render(values).trim() }));
        const text = made.map(({ role, content }) => `${role}: ${content}`).join("\n\n");
        return [{ ...row, [output_col]: format_as_messages ? made : text }];
      },
    };
  },
});
