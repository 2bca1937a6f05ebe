/**
 * What the engine needs to know about a model: one record that says everything in which the architectures differ, read from the GGUF
 * metadata (architectures/) and checked against the file's tensors, so that a model that cannot be trained is refused before any memory
 * is taken.
 */
import { GGML_TYPES, type GgufFile, ggufError, metadataString } from "../../formats/gguf/types.ts";
import type { RopeParameters } from "../../tensor/context.ts";
import { closestName } from "../../util/did-you-mean.ts";
import { IlabError } from "../../util/errors.ts";
import { ArchitectureMetadata } from "./architectures/metadata.ts";
import { ARCHITECTURES } from "./architectures/registry.ts";
import type { ModuleName } from "./lora-layout.ts";

export interface ModelSpec {
  architecture: string;
  layers: number;
  /** Width of the residual stream. */
  width: number;
  heads: number;
  keyValueHeads: number;
  /** Not always width / heads. */
  headSize: number;
  feedForward: number;
  vocabulary: number;
  normEpsilon: number;
  contextLength: number;
  /** The output head is the token embedding. */
  isTied: boolean;
  /** Rotation of queries and keys; undefined: none. */
  rope: RopeParameters | undefined;
  /** A tensor of factors divides the rotation's frequencies (Llama 3). */
  hasRopeFactors: boolean;
  /** Layers that look only at the latest tokens, the own one included, with a rotation of their own. */
  slidingWindow: { size: number; isLocal: readonly boolean[]; rope: RopeParameters } | undefined;
  /** Linear layers that add a bias, in every layer. */
  biases: ReadonlySet<ModuleName>;
  hasOutputBias: boolean;
  /** Every head of queries and of keys is normed before its rotation. */
  hasQueryKeyNorms: boolean;
  /** What attention and feed-forward give is normed before it is added to the residual stream. */
  hasPostNorms: boolean;
  activation: "silu" | "gelu";
  embeddingScale: number;
  /** Of queries · keys. */
  attentionScale: number;
  /** Of what attention and feed-forward add to the residual stream. */
  residualScale: number;
  logitScale: number;
  /** x becomes cap * tanh(x / cap), for scaled queries · keys and for logits. */
  attentionSoftCap: number | undefined;
  finalSoftCap: number | undefined;
}

export const TRAINABLE_TYPES: readonly string[] = [
  "F32",
  "F16",
  "BF16",
  "Q8_0",
  "Q4_0",
  "Q4_1",
  "Q5_0",
  "Q5_1",
  "Q4_K",
  "Q5_K",
  "Q6_K",
];

/** @throws IlabError `ARCHITECTURE_UNSUPPORTED`, `WEIGHT_TYPE_UNSUPPORTED`, `GGUF_INVALID`. */
export function readModelSpec(file: GgufFile): ModelSpec {
  if (metadataString(file, "general.type") === "adapter")
    throw ggufError(file.path, "it is an adapter, not a whole model", "ARCHITECTURE_UNSUPPORTED");
  const name = metadataString(file, "general.architecture") ?? "(none)";
  const architecture = Object.hasOwn(ARCHITECTURES, name) ? ARCHITECTURES[name] : undefined;
  if (architecture === undefined) throw unknownArchitecture(file, name);
  const spec = architecture.readSpec(new ArchitectureMetadata(file, name));
  checkTensors(file, spec);
  return spec;
}

function unknownArchitecture(file: GgufFile, name: string): IlabError {
  const near = closestName(name, Object.keys(ARCHITECTURES));
  const list = Object.entries(ARCHITECTURES).map(([known, { models }]) => `${known} (${models})`);
  return new IlabError({
    code: "ARCHITECTURE_UNSUPPORTED",
    message: `the model ${file.path} has the architecture '${name}', which the training engine does not support`,
    hint: `${near === undefined ? "" : `Did you mean '${near}'? `}Supported: ${list.join(", ")}.`,
  });
}

/** Shape of every weight by its GGUF name, `[input, output]` as ggml orders them. */
export function expectedShapes(spec: ModelSpec): Map<string, number[]> {
  const { width, vocabulary } = spec;
  const shapes = new Map<string, number[]>([
    ["token_embd.weight", [width, vocabulary]],
    ["output_norm.weight", [width]],
  ]);
  if (!spec.isTied) shapes.set("output.weight", [width, vocabulary]);
  if (spec.hasOutputBias) shapes.set("output.bias", [vocabulary]);
  if (spec.hasRopeFactors) shapes.set("rope_freqs.weight", [spec.rope!.dimensions / 2]);
  const layerTensors = Object.entries(ARCHITECTURES[spec.architecture]!.layerTensors(spec));
  for (let layer = 0; layer < spec.layers; layer++)
    for (const [name, shape] of layerTensors) shapes.set(`blk.${layer}.${name}`, shape);
  return shapes;
}

function checkTensors(file: GgufFile, spec: ModelSpec): void {
  const expected = expectedShapes(spec);
  for (const [name, shape] of expected) {
    const tensor = file.tensors.get(name);
    if (tensor === undefined) throw ggufError(file.path, `the tensor ${name} is missing`);
    if (tensor.shape.length !== shape.length || tensor.shape.some((n, i) => n !== shape[i]))
      throw ggufError(
        file.path,
        `the tensor ${name} has the shape [${tensor.shape.join(", ")}], expected [${shape.join(", ")}]`,
      );
    const type = GGML_TYPES[tensor.type]?.name ?? `type ${tensor.type}`;
    if (!TRAINABLE_TYPES.includes(type))
      throw new IlabError({
        code: "WEIGHT_TYPE_UNSUPPORTED",
        message: `the tensor ${name} of ${file.path} is stored as ${type}, which the training engine does not support`,
        hint: `Supported weight types: ${TRAINABLE_TYPES.join(", ")}.`,
      });
  }
  const extra = [...file.tensors.keys()].find((name) => !expected.has(name));
  if (extra !== undefined)
    throw new IlabError({
      code: "ARCHITECTURE_UNSUPPORTED",
      message: `the model ${file.path} has a tensor '${extra}' that the architecture '${spec.architecture}' does not have here, so its results would be wrong`,
      hint: `Plain models of this architecture can be trained (${ARCHITECTURES[spec.architecture]!.models}): no mixture of experts, no heads for other tasks.`,
    });
}
