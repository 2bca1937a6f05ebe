/**
 * Flow files of sdg_hub as pipeline entries: the list form of 0.1 (block_type, block_config, gen_kwargs) and the form with metadata that came after.
 * Most blocks are ours under another name; the table says how their settings are called here.
 */
import { existsSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { z } from "zod";
import { generationSchema } from "../blocks/generation-settings.ts";
import type { PipelineEntry, PipelineFile } from "./read-pipeline-file.ts";
import { checkAgainst } from "./read-yaml-file.ts";

type Path = readonly PropertyKey[];
type Config = Record<string, unknown>;

const columnList = z.array(z.string()).nullish();
const entrySchema = z.strictObject({
  block_type: z.string(),
  block_config: z.looseObject({ block_name: z.string().min(1) }),
  gen_kwargs: z.record(z.string(), z.unknown()).nullish(),
  drop_columns: columnList,
  drop_duplicates: columnList,
});
const listSchema = z.array(entrySchema).min(1, "a flow needs at least one block");
const flowSchema = z.looseObject({
  metadata: z.looseObject({
    dataset_requirements: z.looseObject({ required_columns: z.array(z.string()).nullish() }).nullish(),
  }),
  blocks: listSchema,
});

export function isHubFlow(value: unknown): boolean {
  if (Array.isArray(value)) return true;
  if (typeof value !== "object" || value === null) return false;
  const { metadata, blocks, version } = value as { metadata?: unknown; blocks?: unknown; version?: unknown };
  return (
    version === undefined && (metadata !== undefined || (Array.isArray(blocks) && "block_type" in (blocks[0] ?? {})))
  );
}

/** Throws `BAD_PIPELINE`. */
export function translateHubFlow(
  value: unknown,
  directory: string,
  place: (path: Path) => string,
  lineOf: (path: Path) => number,
): PipelineFile {
  const isList = Array.isArray(value);
  const flow = isList ? undefined : checkAgainst(place, value, flowSchema);
  const blocks = flow?.blocks ?? checkAgainst(place, value, listSchema);
  const root = isList ? [] : ["blocks"];
  const entries = blocks.flatMap((entry, index) => {
    const { block_name: name, ...config } = entry.block_config;
    const own: Config = { ...config, ...(entry.gen_kwargs ? { gen_kwargs: entry.gen_kwargs } : {}) };
    const made = translateBlock(entry.block_type, name, withFoundFiles(withoutProcesses(own), directory));
    const ownDrops = made.flatMap(({ passingColumns = [] }) => passingColumns);
    return made.map(
      ({ type, config }, at): PipelineEntry => ({
        name,
        type,
        config,
        dropColumns: at === made.length - 1 ? [...ownDrops, ...(entry.drop_columns ?? [])] : [],
        dropDuplicates: at === made.length - 1 ? (entry.drop_duplicates ?? []) : [],
        line: lineOf([...root, index]),
        configLine: (path) => lineOf([...root, index, "block_config", ...path]),
      }),
    );
  });
  return {
    entries,
    blockFiles: [],
    requiredColumns: flow?.metadata.dataset_requirements?.required_columns ?? [],
    auxiliaryInstructions: {},
    warnings: [],
  };
}

interface Translated {
  type: string;
  config: Config;
  /** Columns that only the blocks of one translation see. */
  passingColumns?: string[];
}

/** Settings of a connection, which the run has already. */
const connection = new Set([
  ..."model model_id api_key api_base async_mode timeout num_retries drop_params input_cols output_cols".split(" "),
]);

/** Unknown types stay as they are: the registry will say what it knows. */
function translateBlock(type: string, name: string, config: Config): Translated[] {
  const { input_cols, output_cols, ...rest } = config;
  const inputs = [input_cols ?? []].flat();
  const outputs = [output_cols ?? []].flat();
  const one = (type: string, config: Config): Translated[] => [{ type, config }];
  switch (type) {
    case "DuplicateColumns":
    case "DuplicateColumnsBlock":
    case "RenameColumns":
    case "RenameColumnsBlock":
      return one(
        type.replace(/(Block)?$/, "Block"),
        input_cols === undefined ? config : { columns_map: input_cols, ...rest },
      );
    case "SetToMajorityValue":
      return one("SetToMajorityValueBlock", config);
    case "UniformColumnValueSetter": {
      const { reduction_strategy: strategy = "mode", ...others } = rest;
      return strategy === "mode"
        ? one("SetToMajorityValueBlock", { col_name: inputs[0], ...others })
        : one(`UniformColumnValueSetter with ${String(strategy)}`, {});
    }
    case "MeltColumnsBlock":
      return one("FlattenColumnsBlock", { var_cols: inputs, value_name: outputs[0], var_name: outputs[1], ...rest });
    case "TextConcatBlock":
      return one("CombineColumnsBlock", { columns: inputs, output_col: outputs[0], ...rest });
    case "ColumnValueFilterBlock":
      return one("FilterByValueBlock", { filter_column: inputs[0], ...rest });
    case "IndexBasedMapperBlock": {
      const { choice_map, choice_cols, ...others } = rest;
      return [choice_cols ?? []].flat().map((column, index) => ({
        type: "SelectorBlock",
        config: { choice_map, choice_col: column, output_col: outputs[index], ...others },
      }));
    }
    case "LLMChatBlock": {
      const parameters = Object.entries(config).filter(([key]) => !connection.has(key));
      const isKnown = ([key]: [string, unknown]) => Object.hasOwn(generationSchema.shape, key);
      const others = Object.fromEntries(parameters.filter((entry) => !isKnown(entry)));
      return one("LLMMessagesBlock", {
        input_col: inputs[0],
        output_col: outputs[0],
        // Further parameters of a provider go into the request's body as they are.
        gen_kwargs: { extra_body: others, ...Object.fromEntries(parameters.filter(isKnown)) },
      });
    }
    case "EvaluateFaithfulnessBlock":
    case "EvaluateRelevancyBlock":
    case "VerifyQuestionBlock":
      return judge(type, name, config);
    case "LLMParserBlock":
    case "LLMResponseExtractorBlock":
      return one("LLMResponseExtractorBlock", {
        input_col: inputs[0],
        field_prefix: `${name}_`,
        ...withoutEmpty(rest),
      });
    case "TextParserBlock":
    case "TagParserBlock":
    case "RegexParserBlock":
      return one("TextParserBlock", { input_col: inputs[0], output_cols: outputs, ...rest });
    case "JSONStructureBlock": {
      const { ensure_json_serializable: _, ...others } = rest;
      return one(type, { columns: inputs, output_col: outputs[0], ...others });
    }
    case "PromptBuilderBlock":
      return one(type, { input_cols: input_cols ?? [], output_col: outputs[0], ...rest });
    case "IterBlock": {
      const { block_kwargs, block_type, ...others } = config;
      const { block_name: _, ...innerConfig } = (block_kwargs ?? {}) as Config;
      const [inner] = translateBlock(String(block_type), name, innerConfig);
      return one(type, { block_type: inner?.type, ...inner?.config, ...others });
    }
    default:
      return one(type, config);
  }
}

/** sdg_hub's blocks of four: a prompt, the teacher's answer, what is read from it, a filter. */
const verdicts: Record<string, { tags: [string, string]; filter: Config }> = {
  EvaluateFaithfulnessBlock: { tags: ["Explanation", "Answer"], filter: { filter_value: "YES", operation: "eq" } },
  EvaluateRelevancyBlock: {
    tags: ["Feedback", "Score"],
    filter: { filter_value: 2, operation: "eq", convert_dtype: "float" },
  },
  VerifyQuestionBlock: {
    tags: ["Explanation", "Rating"],
    filter: { filter_value: 1, operation: "eq", convert_dtype: "float" },
  },
};

function judge(type: string, name: string, config: Config): Translated[] {
  const { tags, filter } = verdicts[type]!;
  const { prompt_config_path, format_as_messages, filter_value, operation, convert_dtype, ...others } = config;
  const { start_tags, end_tags, parsing_pattern, parser_cleanup_tags, llm_kwargs, max_retries: _, ...rest } = others;
  const { input_cols, output_cols, ...asking } = rest;
  const outputs = [output_cols ?? []].flat();
  const [prompt, answer] = [`${name}_prompt`, `raw_${name}`];
  const given = (settings: Config) =>
    Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined && value !== null));
  return [
    ...translateBlock("PromptBuilderBlock", name, {
      ...{ input_cols, output_cols: [prompt], prompt_config_path },
      ...given({ format_as_messages }),
    }),
    ...translateBlock("LLMChatBlock", name, {
      ...{ input_cols: [prompt], output_cols: [answer] },
      ...given({ ...asking, ...((llm_kwargs ?? {}) as Config) }),
    }),
    ...translateBlock("TextParserBlock", name, {
      ...{ input_cols: [answer], output_cols: outputs },
      start_tags: start_tags ?? tags.map((tag) => `[Start of ${tag}]`),
      end_tags: end_tags ?? tags.map((tag) => `[End of ${tag}]`),
      ...given({ parsing_pattern, parser_cleanup_tags }),
    }),
    {
      type: "FilterByValueBlock",
      config: {
        ...filter,
        filter_column: outputs.at(-1),
        ...given({ filter_value, operation, convert_dtype }),
      },
      passingColumns: [prompt, answer],
    },
  ];
}

/** How rows are spread over processes is no matter here; the number of samples that a prompt asks for is. */
function withoutProcesses({ batch_kwargs, ...config }: Config): Config {
  const { num_samples } = (batch_kwargs ?? {}) as Config;
  return num_samples === undefined ? config : { ...config, batch_kwargs: { num_samples } };
}

/** Flows of 0.1 name their prompts from the package's root, some directories above them. */
function withFoundFiles(config: Config, directory: string): Config {
  const find = (path: unknown): unknown => {
    if (typeof path !== "string" || isAbsolute(path)) return path;
    for (let place = directory; dirname(place) !== place; place = dirname(place))
      if (existsSync(join(place, path))) return join(place, path);
    return path;
  };
  const { config_path, config_paths } = config;
  return {
    ...config,
    ...(config_path === undefined ? {} : { config_path: find(config_path) }),
    ...(Array.isArray(config_paths)
      ? {
          config_paths: config_paths.map((entry) =>
            Array.isArray(entry) ? [find(entry[0]), ...entry.slice(1)] : find(entry),
          ),
        }
      : {}),
  };
}

/** An empty prefix means the default one. */
function withoutEmpty(config: Config): Config {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== ""));
}
