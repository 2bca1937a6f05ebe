/** An adapter for every linear layer of a model, as if it had been trained: both halves random, so that it changes something. */
import { openGgufWeights } from "../../src/formats/gguf/open-gguf-weights.ts";
import { metadataString } from "../../src/formats/gguf/types.ts";
import { type LoraWeight, writeLoraAdapter } from "../../src/formats/lora-adapter.ts";
import { rowCount } from "../../src/formats/model-weights.ts";
import { createRandomSource } from "../../src/util/rng.ts";

export interface RandomAdapterOptions {
  rank?: number;
  alpha?: number;
  /** Standard deviation of both halves. */
  spread?: number;
  seed?: number;
  notes?: Record<string, string>;
}

export async function writeRandomAdapter(
  file: string,
  modelFile: string,
  options: RandomAdapterOptions = {},
): Promise<void> {
  const { rank = 4, alpha = 8, spread = 0.15, seed = 5, notes = {} } = options;
  await using model = await openGgufWeights(modelFile);
  const random = createRandomSource(seed);
  const adapted = model.tensors.filter(({ name }) =>
    /\.(attn_[qkv]|attn_output|ffn_gate|ffn_up|ffn_down)\.weight$/.test(name),
  );
  const weights: LoraWeight[] = adapted.map((tensor) => {
    const [input, output] = [tensor.shape[0]!, rowCount(tensor)];
    const values = (length: number) => Float32Array.from({ length }, () => spread * random.normal());
    return { name: tensor.name, input, output, a: values(rank * input), b: values(rank * output) };
  });
  await writeLoraAdapter(file, { architecture: metadataString(model, "general.architecture")!, alpha, notes }, weights);
}
