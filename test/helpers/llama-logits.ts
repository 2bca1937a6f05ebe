/** llama.cpp's own logits of every position, with keys and values kept in F32, so that nothing but rounding separates it from the engine. */
import { GgmlType, type Token } from "node-llama-cpp";
import { llamaRuntime } from "../../src/llm/llama-runtime.ts";

export interface LlamaLogitsOptions {
  adapterFile?: string;
  threads?: number;
}

/** @returns `[tokens, vocabulary]`, token after token. */
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
    const outputs = await context
      .getSequence()
      .controlledEvaluate(Array.from(tokens, (token) => [token as Token, { generateNext: { logits: true } }]));
    const vocabulary = outputs[0]!.next.logits!.size;
    const result = new Float32Array(tokens.length * vocabulary);
    for (const [position, output] of outputs.entries())
      for (const [token, logit] of output!.next.logits!) result[position * vocabulary + token] = logit;
    return result;
  } finally {
    await model.dispose();
  }
}
