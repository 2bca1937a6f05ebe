/**
 * The model architectures that exist in both worlds: what Hugging Face calls their classes and tensors, and how the numbers differ.
 * Names follow transformers' modelling files on one side and llama.cpp's `llama-arch.cpp` on the other.
 */
import { closestName } from "../../util/did-you-mean.ts";
import { IlabError } from "../../util/errors.ts";

export interface HuggingFaceArchitecture {
  /** `general.architecture` of GGUF. */
  name: string;
  /** Class names that are read; the first is the one that is written. */
  classes: string[];
  modelType: string;
  /**
   * llama.cpp rotates neighbouring values of a head, transformers value i with value i + half: the rows of the query and key matrices
   * stand in another order.
   */
  permutesRotary: boolean;
  /** transformers stores norm weights less this. */
  normOffset: number;
  /** Module of a layer by its GGUF name. */
  layerModules: Record<string, string>;
  /** Layers that have biases together, always or when `attention_bias` says so. */
  attentionBiases: { modules: readonly string[]; isAlways: boolean };
  /** `tie_word_embeddings` where the configuration does not say. */
  isTiedByDefault: boolean;
}

const decoderModules = {
  attn_norm: "input_layernorm",
  attn_q: "self_attn.q_proj",
  attn_k: "self_attn.k_proj",
  attn_v: "self_attn.v_proj",
  attn_output: "self_attn.o_proj",
  ffn_norm: "post_attention_layernorm",
  ffn_gate: "mlp.gate_proj",
  ffn_up: "mlp.up_proj",
  ffn_down: "mlp.down_proj",
};
const withOutput = { modules: ["attn_q", "attn_k", "attn_v", "attn_output"], isAlways: false };
const queryKeyNorms = { attn_q_norm: "self_attn.q_norm", attn_k_norm: "self_attn.k_norm" };

const ARCHITECTURES: readonly HuggingFaceArchitecture[] = [
  {
    name: "llama",
    classes: ["LlamaForCausalLM", "MistralForCausalLM"],
    modelType: "llama",
    permutesRotary: true,
    normOffset: 0,
    layerModules: decoderModules,
    attentionBiases: withOutput,
    isTiedByDefault: false,
  },
  {
    name: "granite",
    classes: ["GraniteForCausalLM"],
    modelType: "granite",
    permutesRotary: true,
    normOffset: 0,
    layerModules: decoderModules,
    attentionBiases: withOutput,
    isTiedByDefault: false,
  },
  {
    name: "qwen2",
    classes: ["Qwen2ForCausalLM"],
    modelType: "qwen2",
    permutesRotary: false,
    normOffset: 0,
    layerModules: decoderModules,
    attentionBiases: { modules: ["attn_q", "attn_k", "attn_v"], isAlways: true },
    isTiedByDefault: false,
  },
  {
    name: "qwen3",
    classes: ["Qwen3ForCausalLM"],
    modelType: "qwen3",
    permutesRotary: false,
    normOffset: 0,
    layerModules: { ...decoderModules, ...queryKeyNorms },
    attentionBiases: withOutput,
    isTiedByDefault: false,
  },
  {
    name: "gemma3",
    classes: ["Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"],
    modelType: "gemma3_text",
    permutesRotary: false,
    normOffset: 1,
    layerModules: {
      ...decoderModules,
      ...queryKeyNorms,
      post_attention_norm: "post_attention_layernorm",
      ffn_norm: "pre_feedforward_layernorm",
      post_ffw_norm: "post_feedforward_layernorm",
    },
    attentionBiases: withOutput,
    isTiedByDefault: true,
  },
];

const GLOBAL_MODULES: Record<string, string> = {
  token_embd: "model.embed_tokens",
  output_norm: "model.norm",
  output: "lm_head",
};

/** By `general.architecture` of a GGUF file. Throws `ARCHITECTURE_UNSUPPORTED`. */
export function architectureOfGguf(name: string | undefined, source: string): HuggingFaceArchitecture {
  const found = ARCHITECTURES.find((architecture) => architecture.name === name);
  if (found === undefined)
    throw unsupported(
      source,
      name,
      ARCHITECTURES.map((architecture) => architecture.name),
    );
  return found;
}

/** By the class names in a `config.json`. Throws `ARCHITECTURE_UNSUPPORTED`. */
export function architectureOfClass(classes: readonly string[], source: string): HuggingFaceArchitecture {
  const found = ARCHITECTURES.find((architecture) => architecture.classes.some((name) => classes.includes(name)));
  if (found === undefined)
    throw unsupported(
      source,
      classes[0],
      ARCHITECTURES.flatMap(({ classes }) => classes),
    );
  return found;
}

/** `blk.0.attn_q.weight` -> `model.layers.0.self_attn.q_proj.weight`; undefined for a tensor that has no counterpart. */
export function huggingFaceTensorName(architecture: HuggingFaceArchitecture, name: string): string | undefined {
  const global = /^(\w+)\.(weight|bias)$/.exec(name);
  const globalModule = global === null ? undefined : GLOBAL_MODULES[global[1]!];
  if (globalModule !== undefined) return `${globalModule}.${global![2]}`;
  const layer = /^blk\.(\d+)\.(\w+)\.(weight|bias)$/.exec(name);
  const module = layer === null ? undefined : architecture.layerModules[layer[2]!];
  return module === undefined ? undefined : `model.layers.${layer![1]}.${module}.${layer![3]}`;
}

/** The other way round; undefined for a tensor that has no counterpart. */
export function ggufTensorName(architecture: HuggingFaceArchitecture, name: string): string | undefined {
  // Models with images as well keep the language model one level down.
  const plain = name
    .replace(/^(model\.)?language_model\.(model\.)?(?!lm_head)/, "model.")
    .replace(/^language_model\./, "");
  const match = /^(.+)\.(weight|bias)$/.exec(plain);
  if (match === null) return undefined;
  const [, module, part] = match;
  const global = Object.keys(GLOBAL_MODULES).find((key) => GLOBAL_MODULES[key] === module);
  if (global !== undefined) return `${global}.${part}`;
  const layer = /^model\.layers\.(\d+)\.(.+)$/.exec(module!);
  if (layer === null) return undefined;
  const { layerModules } = architecture;
  const own = Object.keys(layerModules).find((key) => layerModules[key] === layer[2]);
  return own === undefined ? undefined : `blk.${Number(layer[1])}.${own}.${part}`;
}

function unsupported(source: string, name: string | undefined, known: string[]): IlabError {
  const nearest = name === undefined ? undefined : closestName(name, known);
  return new IlabError({
    code: "ARCHITECTURE_UNSUPPORTED",
    message: `${source} is a model of the architecture ${name ?? "(none is named)"}, which cannot be converted`,
    hint: `${nearest === undefined ? "" : `Did you mean ${nearest}? `}These can: ${known.join(", ")}.`,
  });
}
