/** An adapter's matrices as the engine's flat parameter vector, to go on training it; refused where it does not fit the model and the settings. */
import { type LoraAdapter, type LoraWeight, loraRank, loraScale } from "../formats/lora-adapter.ts";
import { IlabError } from "../util/errors.ts";
import type { ParameterLayout } from "./engine/lora-layout.ts";

export interface AdapterFit {
  /** For messages. */
  path: string;
  /** Of the base model at hand. */
  architecture: string;
  baseSha256: string;
}

/** @throws IlabError `ADAPTER_MISMATCH` */
export function adapterParameters(layout: ParameterLayout, adapter: LoraAdapter, fit: AdapterFit): Float32Array {
  const { architecture, notes } = adapter;
  const base = notes["base_sha256"];
  if (architecture !== fit.architecture)
    throw otherModel(fit, `it is for the architecture '${architecture}', the model is '${fit.architecture}'`);
  if (base !== undefined && base !== fit.baseSha256)
    throw otherModel(
      fit,
      `it was trained on the model with sha256 ${short(base)}, this model has ${short(fit.baseSha256)}`,
    );
  const weights = new Map(adapter.weights.map((weight) => [weight.name, weight]));
  const wanted = new Map(layout.modules.map((module) => [`blk.${module.layer}.${module.name}.weight`, module]));
  const missing = [...wanted.keys()].filter((name) => !weights.has(name));
  const extra = [...weights.keys()].filter((name) => !wanted.has(name));
  if (missing.length > 0 || extra.length > 0)
    throw otherSettings(
      fit,
      [
        ...(missing.length > 0 ? [`it does not adapt ${some(missing)}`] : []),
        ...(extra.length > 0 ? [`it adapts ${some(extra)}`] : []),
      ].join(", and "),
      "--lora-target-modules",
    );
  const values = new Float32Array(layout.size);
  for (const [name, module] of wanted) {
    const weight = weights.get(name)!;
    const rank = loraRank(weight);
    const scale = loraScale(adapter, weight);
    if (rank !== layout.rank) throw otherSettings(fit, `its rank is ${rank}, ${layout.rank} is set`, "--lora-rank");
    if (Math.abs(scale / layout.scale - 1) > 1e-6)
      throw otherSettings(fit, `its scale is ${scale}, the settings give ${layout.scale}`, "--lora-alpha");
    if (weight.input !== module.input || weight.output !== module.output)
      throw otherModel(
        fit,
        `its '${name}' is for ${weight.input} x ${weight.output} weights, the model's are ${module.input} x ${module.output}`,
      );
    values.set(weight.a, module.offsetA);
    values.set(transposed(weight, rank), module.offsetB);
  }
  return values;
}

function transposed({ b, output }: LoraWeight, rank: number): Float32Array {
  const result = new Float32Array(rank * output);
  for (let o = 0; o < output; o++) for (let r = 0; r < rank; r++) result[r * output + o] = b[o * rank + r]!;
  return result;
}

function otherModel({ path }: AdapterFit, problem: string): IlabError {
  return new IlabError({
    code: "ADAPTER_MISMATCH",
    message: `the adapter ${path} belongs to another model: ${problem}`,
    hint: "Give the model that it was trained on with --model-path, or leave out --adapter.",
    exitCode: 2,
  });
}

function otherSettings({ path }: AdapterFit, problem: string, flag: string): IlabError {
  return new IlabError({
    code: "ADAPTER_MISMATCH",
    message: `the adapter ${path} does not fit the settings: ${problem}`,
    hint: `Set ${flag} to what the adapter was made with, or leave out --adapter.`,
    exitCode: 2,
  });
}

function some(names: readonly string[]): string {
  return names.length <= 2 ? names.join(" and ") : `${names[0]} and ${names.length - 1} others`;
}

function short(sha256: string): string {
  return sha256.slice(0, 12);
}
