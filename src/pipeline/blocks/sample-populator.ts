/** Upstream's SamplePopulatorBlock: adds the entries of a YAML file to each row, chosen by the row's own value. */
import { basename, isAbsolute, join } from "node:path";
import { z } from "zod";
import type { JsonValue, Row } from "../../artifacts.ts";
import { cellText, defineBlock, withColumns } from "../block.ts";
import { pipelineError, readYamlFile } from "../files/read-yaml-file.ts";
import { isImagined } from "../teacher/imagined.ts";

const configSchema = z.strictObject({
  /** Each file stands for the value that is its name without ending. */
  config_paths: z.array(z.string()).min(1),
  column_name: z.string(),
  /** `music.yaml` with the postfix `short` is read from `music_short.yaml`. */
  post_fix: z.string().default(""),
});

const entriesSchema = z.record(z.string(), z.json());

export const samplePopulatorBlock = defineBlock<z.infer<typeof configSchema>>({
  type: "SamplePopulatorBlock",
  summary: "adds to each row the entries of the YAML file that its column names",
  configSchema,
  async create({ config_paths, column_name, post_fix }, directory, settings) {
    const samples = new Map<string, Row>();
    for (const path of config_paths) {
      const value = basename(path).split(".")[0]!;
      if (samples.has(value)) throw pipelineError(`config_paths: two files stand for '${value}'`);
      const named = post_fix === "" ? path : path.replace(/(\.ya?ml)?$/, `_${post_fix}$1`);
      const file = isAbsolute(named) ? named : join(directory, named);
      settings.noteFile(file);
      samples.set(value, (await readYamlFile(file, entriesSchema)) as Record<string, JsonValue>);
    }
    const columns = [...new Set([...samples.values()].flatMap((sample) => Object.keys(sample)))];
    const absent = Object.fromEntries(columns.map((column) => [column, null]));
    return {
      inputColumns: [column_name],
      outputColumns: (present) => withColumns(present, ...columns),
      runRow(row, context) {
        const isGuess = isImagined(row[column_name]);
        const sample = isGuess ? [...samples.values()][0] : samples.get(cellText(row, column_name).trim());
        if (sample !== undefined) return [{ ...row, ...absent, ...sample }];
        context.drop(row, `no file of config_paths stands for this ${column_name}`);
        return [];
      },
    };
  },
});
