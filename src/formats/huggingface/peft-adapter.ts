/**
 * LoRA adapters in peft's layout (`adapter_config.json` and `adapter_model.safetensors`), read and written. A and B lie in memory as in
 * llama.cpp's layout; only names differ, and the rows of B where llama.cpp orders a head's values otherwise.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { rowsToFloats } from "../../tensor/convert-rows.ts";
import { writeFileAtomic } from "../../util/fs.ts";
import { adapterError, type LoraAdapter, type LoraWeight, loraRank, loraScale } from "../lora-adapter.ts";
import { writeSafetensors } from "../safetensors.ts";
import { ggufTensorName, huggingFaceTensorName } from "./architectures.ts";
import type { BaseFacts } from "./base-facts.ts";
import { readJsonObject } from "./config.ts";
import { GGML_TYPE_OF, openSafetensors } from "./open-tensors.ts";
import { reorderRows } from "./rotary-order.ts";

const CONFIG_FILE = "adapter_config.json";
const WEIGHTS_FILE = "adapter_model.safetensors";
const PREFIX = "base_model.model.";

const patternSchema = z.record(z.string(), z.number().positive()).nullish();
const configSchema = z.looseObject({
  peft_type: z.literal("LORA"),
  lora_alpha: z.number().positive(),
  use_rslora: z.boolean().nullish(),
  use_dora: z.literal(false).nullish(),
  lora_bias: z.literal(false).nullish(),
  fan_in_fan_out: z.literal(false).nullish(),
  modules_to_save: z.array(z.string()).max(0, "whole modules saved beside the adapter cannot be converted").nullish(),
  alpha_pattern: patternSchema,
  base_model_name_or_path: z.string().nullish(),
});
type PeftConfig = z.infer<typeof configSchema>;

/** Throws `ADAPTER_INVALID`. */
export async function readPeftConfig(directory: string): Promise<PeftConfig> {
  const path = join(directory, CONFIG_FILE);
  const raw = await readJsonObject(path);
  if (raw === undefined) throw adapterError(directory, `there is no ${CONFIG_FILE}`);
  const parsed = configSchema.safeParse(raw);
  if (!parsed.success) throw adapterError(path, z.prettifyError(parsed.error));
  return parsed.data;
}

/** Throws `ADAPTER_INVALID` and what `readSafetensors` throws. */
export async function readPeftAdapter(directory: string, base: BaseFacts): Promise<LoraAdapter> {
  const config = await readPeftConfig(directory);
  await using file = await openSafetensors(join(directory, WEIGHTS_FILE)).catch((error: NodeJS.ErrnoException) => {
    throw error.code === "ENOENT" ? adapterError(directory, `there is no ${WEIGHTS_FILE}`) : error;
  });
  const halves = new Map<string, { a?: LoraHalf; b?: LoraHalf }>();
  for (const tensor of file.tensors.values()) {
    const match = /^base_model\.model\.(.+)\.lora_([AB])(?:\.default)?\.weight$/.exec(tensor.name);
    const type = GGML_TYPE_OF[tensor.dtype];
    if (match === null || tensor.shape.length !== 2 || type === undefined)
      throw adapterError(
        directory,
        `it holds '${tensor.name}' of type ${tensor.dtype}, which is no part of a LoRA adapter`,
      );
    const [, module, part] = match;
    const [rows, columns] = tensor.shape as [number, number];
    const values = rowsToFloats(type, await tensor.read(0, tensor.sizeBytes), rows * columns);
    if (!values.every(Number.isFinite))
      throw adapterError(directory, `'${tensor.name}' holds values that are not finite`);
    const pair = halves.get(module!) ?? {};
    pair[part === "A" ? "a" : "b"] = { values, rows, columns };
    halves.set(module!, pair);
  }
  if (halves.size === 0) throw adapterError(directory, "it adapts nothing");
  const weights: LoraWeight[] = [];
  const alphas: number[] = [];
  for (const [module, { a, b }] of halves) {
    if (a === undefined || b === undefined) throw adapterError(directory, `'${module}' has only one of its two halves`);
    const name = ggufTensorName(base.architecture, `${module}.weight`);
    if (name === undefined || name.includes("norm") || name.startsWith("token_embd"))
      throw adapterError(directory, `it adapts '${module}', which is no linear layer of ${base.architecture.name}`);
    if (b.columns !== a.rows)
      throw adapterError(directory, `the halves of '${module}' have ranks ${a.rows} and ${b.columns}`);
    if (isRotated(base, name) && b.rows % base.headSize !== 0)
      throw adapterError(directory, `'${module}' has ${b.rows} outputs, which are not heads of ${base.headSize}`);
    weights.push({
      name,
      input: a.columns,
      output: b.rows,
      a: a.values,
      b: isRotated(base, name) ? reorderRows(b.values, a.rows, base.headSize, "neighbours") : b.values,
    });
    const alpha = alphaOf(config, module, directory);
    alphas.push(config.use_rslora === true ? alpha * Math.sqrt(a.rows) : alpha);
  }
  // One file has one alpha; where modules differ, the difference goes into B.
  for (const [i, weight] of weights.entries())
    if (alphas[i] !== alphas[0]) weight.b = weight.b.map((value) => (value * alphas[i]!) / alphas[0]!);
  return { architecture: base.architecture.name, alpha: alphas[0]!, notes: {}, weights };
}

/** @param baseModel what peft loads the base from: a name or path. Throws `ADAPTER_INVALID`. */
export async function writePeftAdapter(
  directory: string,
  adapter: LoraAdapter,
  base: BaseFacts,
  options: { source: string; baseModel: string },
): Promise<void> {
  const modules = adapter.weights.map((weight) => {
    const name = huggingFaceTensorName(base.architecture, weight.name)?.replace(/\.weight$/, "");
    if (name === undefined) throw adapterError(options.source, `it adapts '${weight.name}', which peft cannot`);
    return { weight, name };
  });
  const ranks = new Map(modules.map(({ weight, name }) => [name, loraRank(weight)]));
  const rank = mostFrequent([...ranks.values()]);
  const alpha = adapter.alpha === 0 ? rank : adapter.alpha;
  const entries = Object.entries(Object.fromEntries(ranks)).filter(([, own]) => own !== rank);
  const bytes = (values: Float32Array) => () => [new Uint8Array(values.buffer, values.byteOffset, values.byteLength)];
  await mkdir(directory, { recursive: true });
  await writeSafetensors(
    join(directory, WEIGHTS_FILE),
    modules.flatMap(({ weight, name }) => {
      const own = loraRank(weight);
      const b = isRotated(base, weight.name) ? reorderRows(weight.b, own, base.headSize, "halves") : weight.b;
      const dtype = "F32";
      return [
        { name: `${PREFIX}${name}.lora_A.weight`, dtype, shape: [own, weight.input], data: bytes(weight.a) },
        { name: `${PREFIX}${name}.lora_B.weight`, dtype, shape: [weight.output, own], data: bytes(b) },
      ];
    }),
  );
  const config = {
    peft_type: "LORA",
    task_type: "CAUSAL_LM",
    base_model_name_or_path: options.baseModel,
    inference_mode: true,
    r: rank,
    lora_alpha: alpha,
    lora_dropout: 0,
    bias: "none",
    fan_in_fan_out: false,
    init_lora_weights: true,
    target_modules: targetModules([...ranks.keys()], base.layers),
    rank_pattern: Object.fromEntries(entries),
    alpha_pattern: Object.fromEntries(
      modules.flatMap(({ weight, name }) => {
        const own = loraScale(adapter, weight) * loraRank(weight);
        return own === alpha ? [] : [[name, own]];
      }),
    ),
    use_rslora: false,
    use_dora: false,
    modules_to_save: null,
  };
  await writeFileAtomic(join(directory, CONFIG_FILE), `${JSON.stringify(config, null, 2)}\n`);
}

interface LoraHalf {
  values: Float32Array;
  rows: number;
  columns: number;
}

function isRotated({ architecture }: BaseFacts, name: string): boolean {
  return architecture.permutesRotary && /\.attn_[qk]\./.test(name);
}

/** peft's rule: the first key that is the module's name or the end of it counts. */
function alphaOf(config: PeftConfig, module: string, directory: string): number {
  for (const [key, alpha] of Object.entries(config.alpha_pattern ?? {})) {
    const isWhole = key.startsWith("^");
    const name = isWhole ? key.slice(1).replace(/\$$/, "") : key;
    if (!/^[\w.]+$/.test(name))
      throw adapterError(directory, `the key '${key}' of its alpha_pattern is not a plain name`);
    if (module === name || (!isWhole && module.endsWith(`.${name}`))) return alpha;
  }
  return config.lora_alpha;
}

/** Short names (`q_proj`) where every layer is adapted, whole names otherwise. */
function targetModules(names: readonly string[], layers: number): string[] {
  const counts = new Map<string, number>();
  const short = (name: string) => name.slice(name.lastIndexOf(".") + 1);
  for (const name of names) counts.set(short(name), (counts.get(short(name)) ?? 0) + 1);
  const isEverywhere = (name: string) => counts.get(short(name)) === (name.includes(".layers.") ? layers : 1);
  return [...new Set(names.map((name) => (isEverywhere(name) ? short(name) : name)))];
}

function mostFrequent(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce((best, each) => (each[1] > best[1] ? each : best))[0];
}
