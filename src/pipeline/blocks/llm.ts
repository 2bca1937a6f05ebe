/** Upstream's LLMBlock: a prompt file of five parts, rendered with the row and asked; one row for each finding in the answers. */
import { z } from "zod";
import { defineBlock, withColumns } from "../block.ts";
import { askingConfig, readPromptFile } from "./prompt-file.ts";

const configSchema = z.strictObject({ config_path: z.string(), ...askingConfig });

function llmBlockOf(type: string, summary: string) {
  return defineBlock<z.infer<typeof configSchema>>({
    type,
    asks: true,
    summary,
    configSchema,
    async create(config, directory, settings) {
      const prompt = await readPromptFile(config.config_path, config, directory, settings);
      const added = config.batch_kwargs?.num_samples ? ["num_samples"] : [];
      return {
        inputColumns: prompt.names,
        outputColumns: (columns) => withColumns(columns, ...added, ...config.output_cols),
        runRow: (row, context) => prompt.ask(row, context),
      };
    },
  });
}

export const llmBlock = llmBlockOf("LLMBlock", "asks the teacher with a prompt file and reads columns from its answer");

/** Upstream never finished its reading of log-probabilities: there as here the block does what LLMBlock does. */
export const llmLogProbBlock = llmBlockOf("LLMLogProbBlock", "the same as LLMBlock, as in Python InstructLab");
