/** What a file says about its model is believed only where its tensors agree: unknown architectures, lying metadata, damaged headers. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { f32, text, u32 } from "../../../test/helpers/tiny-architectures.ts";
import { type TinyModelOptions, writeTinyModel } from "../../../test/helpers/tiny-model.ts";
import { readGguf } from "../../formats/gguf/read-gguf.ts";
import type { GgufFile, GgufMetadataEntry } from "../../formats/gguf/types.ts";
import { IlabError } from "../../util/errors.ts";
import { createRandomSource } from "../../util/rng.ts";
import { ARCHITECTURES } from "./architectures/registry.ts";
import { readModelSpec } from "./model-spec.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "ilab-model-spec-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** A tiny model with as many metadata entries of its architecture as there are. */
async function writeModel(architecture: string, options: TinyModelOptions = {}): Promise<string> {
  const path = join(directory, `${architecture}.gguf`);
  const scaling = {
    "rope.scaling.type": text("yarn"),
    "rope.scaling.factor": f32(2),
    "rope.scaling.attn_factor": f32(1),
  };
  await writeTinyModel(path, { architecture, headSize: 16, metadata: scaling, ...options });
  return path;
}

function refusal(file: GgufFile): IlabError {
  try {
    readModelSpec(file);
  } catch (error) {
    expect(error).toBeInstanceOf(IlabError);
    return error as IlabError;
  }
  throw new Error("the file was believed");
}

test("an unknown architecture is refused with the list and the nearest name", async () => {
  const file = await readGguf(await writeModel("qwen4"));
  const error = refusal(file);
  expect(error.code).toBe("ARCHITECTURE_UNSUPPORTED");
  expect(error.message).toContain("'qwen4'");
  expect(error.hint).toMatch(/Did you mean 'qwen[23]'\?/);
  for (const name of Object.keys(ARCHITECTURES)) expect(error.hint).toContain(name);
  // Names that every object has are no architectures.
  file.metadata.set("general.architecture", text("constructor"));
  expect(refusal(file).code).toBe("ARCHITECTURE_UNSUPPORTED");
});

test.each([
  ["no layers", "block_count", u32(0), /block_count is 0/],
  ["more layers than llama.cpp loads", "block_count", u32(4_000_000_000), /block_count is 4000000000/],
  ["half a layer", "block_count", f32(1.5), /block_count is 1.5/],
  ["heads that cannot share key heads", "attention.head_count_kv", u32(3), /4 attention heads cannot share 3/],
  ["more key heads than heads", "attention.head_count_kv", u32(8), /4 attention heads cannot share 8/],
  [
    "another number of heads in every layer",
    "attention.head_count",
    { type: "array", elementType: "uint32", value: [4, 2] },
    /different llama.attention.head_count/,
  ],
  ["other heads of values", "attention.value_length", u32(32), /heads of different sizes/],
  ["heads of odd size", "attention.key_length", u32(15), /different sizes|cannot be rotated/],
  ["more rotated values than there are", "rope.dimension_count", u32(32), /32 values of a head of 16/],
  ["fewer rotated values than llama.cpp allows", "rope.dimension_count", u32(8), /only 8 of 16/],
  ["no feed-forward part", "feed_forward_length", u32(0), /feed_forward_length is 0/],
  ["an absurd width", "embedding_length", u32(0xffffffff), /embedding_length is 4294967295/],
  ["a width that its tensors do not have", "embedding_length", u32(128), /token_embd.weight has the shape/],
  [
    "an endless context",
    "context_length",
    { type: "uint64", value: 2n ** 63n },
    /context_length is 9223372036854776000/,
  ],
  ["no rotation base", "rope.freq_base", f32(Number.NaN), /freq_base is NaN/],
  ["an infinite rotation base", "rope.freq_base", f32(Number.POSITIVE_INFINITY), /freq_base is Infinity/],
  ["a negative norm epsilon", "attention.layer_norm_rms_epsilon", f32(-1e-5), /epsilon is -/],
  ["a text for a number", "block_count", text("two"), /block_count is not a number/],
  ["an unknown scaling", "rope.scaling.type", text("longrope"), /RoPE scaling 'longrope'/],
  ["a negative scaling factor", "rope.scaling.factor", f32(-2), /scaling.factor is -2/],
  ["experts", "expert_count", u32(8), /mixture of experts/],
  ["no causality", "attention.causal", { type: "bool", value: false }, /looks at later tokens/],
] as [string, string, GgufMetadataEntry, RegExp][])("%s is refused", async (_, key, value, message) => {
  const file = await readGguf(await writeModel("llama"));
  file.metadata.set(`llama.${key}`, value);
  const error = refusal(file);
  expect(error.message).toMatch(message);
  expect(error.hint).toBeTruthy();
});

test("tensors that are missing, extra, misshaped or of an unknown type are refused by name", async () => {
  const read = async () => await readGguf(await writeModel("qwen3"));
  const missing = await read();
  missing.tensors.delete("blk.1.attn_k_norm.weight");
  expect(refusal(missing).message).toContain("blk.1.attn_k_norm.weight is missing");
  const extra = await read();
  extra.tensors.set("blk.0.ffn_gate_inp.weight", missing.tensors.get("blk.0.ffn_up.weight")!);
  expect(refusal(extra)).toMatchObject({ code: "ARCHITECTURE_UNSUPPORTED", message: /blk.0.ffn_gate_inp.weight/ });
  const misshaped = await read();
  misshaped.tensors.get("blk.1.attn_q.weight")!.shape = [64, 63];
  expect(refusal(misshaped).message).toContain("blk.1.attn_q.weight has the shape [64, 63], expected [64, 64]");
  const flat = await read();
  flat.tensors.get("token_embd.weight")!.shape = [64 * 261];
  expect(refusal(flat).message).toContain("token_embd.weight is not a matrix");
  const otherTokenizer = await read();
  const tokens = otherTokenizer.metadata.get("tokenizer.ggml.tokens")!;
  tokens.value = [...(tokens.value as string[]), "one more"];
  expect(refusal(otherTokenizer).message).toContain("its tokenizer has 262 tokens, its embedding 261");
  const halfBiased = await read();
  halfBiased.tensors.set("blk.0.attn_q.bias", {
    name: "blk.0.attn_q.bias",
    shape: [64],
    type: 0,
    offset: 0,
    sizeBytes: 0,
  });
  expect(refusal(halfBiased).message).toContain("blk.1.attn_q.bias is missing");
  const ternary = await read();
  ternary.tensors.get("blk.0.ffn_up.weight")!.type = 34;
  expect(refusal(ternary)).toMatchObject({ code: "WEIGHT_TYPE_UNSUPPORTED", message: /stored as TQ1_0/ });
});

describe.each(Object.keys(ARCHITECTURES))("%s", (architecture) => {
  test("lying metadata ends in an error or in a model that its tensors bear out, never in a crash or a long wait", async () => {
    const file = await readGguf(await writeModel(architecture));
    const keys = [...file.metadata.keys()].filter((key) => key.startsWith(`${architecture}.`));
    expect(keys.length).toBeGreaterThan(10);
    const lies: (GgufMetadataEntry | undefined)[] = [
      undefined,
      ...[0, 1, 3, 7, 2 ** 32 - 1].map(u32),
      ...[Number.NaN, Number.POSITIVE_INFINITY, -1, 1e-30, 1e30, 0.5].map(f32),
      { type: "int64", value: -1n },
      { type: "uint64", value: 2n ** 64n - 1n },
      { type: "bool", value: true },
      text("x"),
      { type: "array", elementType: "uint32", value: [] },
      { type: "array", elementType: "uint32", value: [1, 2, 3] },
      { type: "array", elementType: "string", value: ["a", "a"] },
    ];
    for (const key of keys)
      for (const lie of lies) {
        const metadata = new Map(file.metadata);
        if (lie === undefined) metadata.delete(key);
        else metadata.set(key, lie);
        const started = performance.now();
        try {
          const spec = readModelSpec({ ...file, metadata });
          expect(spec.layers * spec.width * spec.heads, `${key}: ${JSON.stringify(lie?.type)}`).toBe(2 * 64 * 4);
        } catch (error) {
          if (!(error instanceof IlabError)) throw new Error(`${key} as ${lie?.type} ${lie?.value}`, { cause: error });
        }
        expect(performance.now() - started).toBeLessThan(500);
      }
  });

  test("damaged headers end in an error or in a consistent model", async () => {
    const path = await writeModel(architecture);
    const bytes = await readFile(path);
    const header = Math.min(...[...(await readGguf(path)).tensors.values()].map((tensor) => tensor.offset));
    const random = createRandomSource(architecture.length);
    const damagedPath = join(directory, `${architecture}-fuzz.gguf`);
    for (let trial = 0; trial < 120; trial++) {
      const damaged = Buffer.from(bytes);
      // Half of the damage where the architecture's own metadata stands.
      for (let i = 0; i < 1 + random.integer(3); i++)
        damaged[random.integer(trial % 2 === 0 ? header : 1200)] = random.integer(256);
      await writeFile(damagedPath, damaged);
      try {
        readModelSpec(await readGguf(damagedPath));
      } catch (error) {
        if (!(error instanceof IlabError)) throw error;
      }
    }
  });
});
