/** `ilab model convert`: a model or student into another form: one GGUF file, a Hugging Face directory, an adapter file, a peft directory. */
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { ConversionTarget } from "../../../build/convert-model.ts";
import type { QuantizationType } from "../../../build/quantization-types.ts";
import { UsageError } from "../../../util/errors.ts";
import { runWork } from "../../../util/events.ts";
import type { CommandContext, RegisterCommand } from "../../command.ts";
import { ensureModel } from "../../ensure-model.ts";
import { examples } from "../../examples.ts";
import { formatBytes } from "../../reporters/format.ts";

interface ConvertOptions {
  modelDir: string;
  adapterFile?: string;
  baseModel?: string;
  to: string;
  quantize?: string;
  importanceMatrix?: string;
  skipQuantize?: boolean;
  skipDeQuantize?: boolean;
  modelName?: string;
  output?: string;
}

/** Where the result goes without `--output`, as upstream names it. */
const DEFAULT_OUTPUTS: Record<ConversionTarget, (name: string, type: string) => string> = {
  gguf: (name, type) => `${name}-trained/${name}${type}.gguf`,
  hf: (name) => `${name}-hf`,
  adapter: (name) => `${name}-adapter.gguf`,
  peft: (name) => `${name}-peft`,
};
const DEFAULT_QUANTIZATION = "Q4_K_M";

export const register: RegisterCommand = (group, bind) => {
  group
    .command("convert")
    .description("Turn a model or student into one GGUF file, a Hugging Face directory, or an adapter for peft.")
    .requiredOption("--model-dir <model>", "training run, GGUF file, name of the store, Hugging Face or peft directory")
    .option("--adapter-file <path>", "adapter to add: an adapter.gguf or a peft directory")
    .option("--base-model <model>", "base of the adapter, when --model-dir is one and does not say it")
    .option("--to <form>", "gguf or hf: a whole model; adapter or peft: the adapter alone", "gguf")
    .option(
      "--quantize <type>",
      `weights of the GGUF file, such as Q8_0 or Q5_K_M (default: "${DEFAULT_QUANTIZATION}")`,
    )
    .option("--importance-matrix <file>", "what llama-imatrix wrote for the model; types below three bits need it")
    .option("--skip-quantize", "do not quantise; merged weights become 16-bit numbers, others stay (also -sq)")
    .option("--skip-de-quantize", "keep every weight in the type that it has in the base (also -sd)")
    .option("--model-name <name>", "names the result")
    .option("--output <path>", "file or directory to make; must not exist yet")
    .addHelpText(
      "after",
      examples(
        "ilab model convert --model-dir ./run",
        "ilab model convert --model-dir ./run --to hf --output ./student",
        "ilab model convert --model-dir ./downloaded-hf-model --quantize Q8_0 --output ./model.gguf",
        "ilab model convert --model-dir ./peft-adapter --base-model smollm2-135m --to adapter",
      ),
    )
    .action(bind<ConvertOptions>(convert));
};

async function convert(context: CommandContext, options: ConvertOptions): Promise<void> {
  const { reporter, signal } = context;
  const { convertModel } = await import("../../../build/convert-model.ts");
  const { findConversionInput } = await import("../../../build/find-conversion-input.ts");
  const target = requireTarget(options.to);
  const quantization = await requireQuantization(options, target);
  const input = await findConversionInput(options.modelDir, {
    ...options,
    resolveModel: (model) => ensureModel(context, model),
  });
  const suffix = quantization === undefined ? "" : `-${quantization}`;
  const output = resolve(options.output ?? DEFAULT_OUTPUTS[target](options.modelName ?? input.name, suffix));
  reporter.print(`model    ${input.model}${input.adapter === undefined ? "" : `\nadapter  ${input.adapter}`}`);
  const { importanceMatrix, skipDeQuantize: keepQuantizedTypes } = options;
  const work = convertModel({ ...input, target, output, quantization, importanceMatrix, keepQuantizedTypes, signal });
  await runWork(work, (event) => reporter.event(event));
  const { size } = await stat(output);
  const isFile = target === "gguf" || target === "adapter";
  reporter.print(`Written: ${output}${isFile ? ` (${formatBytes(size)})` : ""}`);
  reporter.result({ output, to: target, quantization, ...(isFile ? { sizeBytes: size } : {}) });
}

function requireTarget(text: string): ConversionTarget {
  if (Object.hasOwn(DEFAULT_OUTPUTS, text)) return text as ConversionTarget;
  throw new UsageError(`--to is '${text}'`, `Choose from ${Object.keys(DEFAULT_OUTPUTS).join(", ")}.`);
}

/** As upstream: 4 bits unless something else is asked for. */
async function requireQuantization(
  { quantize, skipQuantize, skipDeQuantize }: ConvertOptions,
  target: ConversionTarget,
): Promise<QuantizationType | undefined> {
  if (quantize !== undefined && target !== "gguf")
    throw new UsageError("--quantize is for GGUF files", "Leave it out, or choose --to gguf.");
  if (quantize !== undefined && (skipQuantize || skipDeQuantize))
    throw new UsageError("--quantize contradicts --skip-quantize and --skip-de-quantize", "Give one of them.");
  if (target !== "gguf" || skipQuantize || skipDeQuantize) return undefined;
  const { parseQuantizationType } = await import("../../../build/quantization-types.ts");
  return parseQuantizationType(quantize ?? DEFAULT_QUANTIZATION);
}
