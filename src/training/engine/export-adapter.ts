/** The flat parameter vector as the matrices of a LoRA adapter file. */
import type { LoraWeight } from "../../formats/lora-adapter.ts";
import type { ParameterLayout } from "./lora-layout.ts";

export function loraWeights(layout: ParameterLayout, parameters: Float32Array): LoraWeight[] {
  const { rank } = layout;
  return layout.modules.map(({ layer, name, input, output, offsetA, offsetB }) => {
    const transposed = parameters.subarray(offsetB, offsetB + rank * output);
    const b = new Float32Array(output * rank);
    for (let r = 0; r < rank; r++) for (let o = 0; o < output; o++) b[o * rank + r] = transposed[r * output + o]!;
    return {
      name: `blk.${layer}.${name}.weight`,
      input,
      output,
      a: parameters.slice(offsetA, offsetA + input * rank),
      b,
    };
  });
}
