/** Upstream's ConditionalLLMBlock: the row's own value says which prompt file it is asked with. */
import { z } from "zod";
import { cellText, defineBlock, withColumns } from "../block.ts";
import { pipelineError } from "../files/read-yaml-file.ts";
import { isImagined } from "../teacher/imagined.ts";
import { askingConfig, readPromptFile } from "./prompt-file.ts";

const configSchema = z.strictObject({
  /** [file, value of the selector column]; a single entry for `All` is for every row. */
  config_paths: z.array(z.tuple([z.string(), z.coerce.string()])).min(1),
  selector_column_name: z.string(),
  ...askingConfig,
});

const EVERY_ROW = "All";

export const conditionalLlmBlock = defineBlock<z.infer<typeof configSchema>>({
  type: "ConditionalLLMBlock",
  asks: true,
  summary: "asks the teacher with the prompt file that the row's selector column names",
  configSchema,
  async create(config, directory, settings) {
    const { config_paths: paths, selector_column_name: selector } = config;
    if (paths.length > 1 && paths.some(([, value]) => value === EVERY_ROW))
      throw pipelineError(`config_paths: '${EVERY_ROW}' stands for every row and must be the only entry`);
    const isForEveryRow = paths[0]![1] === EVERY_ROW;
    const prompts = new Map(
      await Promise.all(
        paths.map(async ([path, value]) => [value, await readPromptFile(path, config, directory, settings)] as const),
      ),
    );
    const added = config.batch_kwargs?.num_samples ? ["num_samples"] : [];
    return {
      inputColumns: [
        ...new Set([...(isForEveryRow ? [] : [selector]), ...[...prompts.values()].flatMap(({ names }) => names)]),
      ],
      outputColumns: (columns) => withColumns(columns, ...added, ...config.output_cols),
      runRow(row, context) {
        const value = isForEveryRow ? EVERY_ROW : cellText(row, selector);
        const prompt = prompts.get(value) ?? (isImagined(row[selector]) ? [...prompts.values()][0] : undefined);
        if (prompt !== undefined) return prompt.ask(row, context);
        context.drop(row, `${selector} is none of ${[...prompts.keys()].join(", ")}`);
        return [];
      },
    };
  },
});
