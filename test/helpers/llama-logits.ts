/** llama.cpp's own logits of every position, with keys and values kept in F32, so that nothing but rounding separates it from the engine. */
import { GgmlType, type Token } from "node-llama-cpp";
import { llamaRuntime } from "../../src/llm/llama-runtime.ts";

export interface LlamaLogitsOptions {
  adapterFile?: string;
  threads?: number;
  /** Positions whose logits are wanted; all by default. */
  positions?: readonly number[];
}

/** @returns `[positions, vocabulary]`, position after position. */
export async function llamaLogits(
  modelFile: string,
  tokens: Int32Array,
  options: LlamaLogitsOptions = {},
): Promise<Float32Array> {
  const { llama } = await llamaRuntime();
  const model = await llama.loadModel({ modelPath: modelFile, gpuLayers: 0 });
  try {
    const context = await model.createContext({
      contextSize: tokens.length + 8,
      batchSize: tokens.length,
      threads: { ideal: options.threads ?? 1 },
      flashAttention: false,
      experimentalKvCacheKeyType: GgmlType.F32,
      experimentalKvCacheValueType: GgmlType.F32,
      lora: options.adapterFile === undefined ? undefined : { adapters: [{ filePath: options.adapterFile }] },
    });
    const wanted = options.positions ?? [...tokens.keys()];
    const outputs = await context
      .getSequence()
      .controlledEvaluate(
        Array.from(tokens, (token, i) => [
          token as Token,
          wanted.includes(i) ? { generateNext: { logits: true } } : {},
        ]),
      );
    const vocabulary = outputs[wanted[0]!]!.next.logits!.size;
    const result = new Float32Array(wanted.length * vocabulary);
    for (const [row, position] of wanted.entries())
      for (const [token, logit] of outputs[position]!.next.logits!) result[row * vocabulary + token] = logit;
    return result;
  } finally {
    await model.dispose();
  }
}
