/** Merging, quantising and converting tiny models: against llama.cpp with the adapter beside the base, against the formula, and with bad input. */
import { readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { llamaLogits } from "../../test/helpers/llama-logits.ts";
import { writeRandomAdapter } from "../../test/helpers/random-adapter.ts";
import { makeTempDir, type TempDir } from "../../test/helpers/temp-dir.ts";
import { type TinyModelOptions, writeTinyModel } from "../../test/helpers/tiny-model.ts";
import { dequantize } from "../formats/gguf/dequantize.ts";
import { openGgufWeights } from "../formats/gguf/open-gguf-weights.ts";
import { readGguf } from "../formats/gguf/read-gguf.ts";
import { GGML_TYPES } from "../formats/gguf/types.ts";
import { writeGguf } from "../formats/gguf/write-gguf.ts";
import { readLoraAdapter, writeLoraAdapter } from "../formats/lora-adapter.ts";
import { rowCount } from "../formats/model-weights.ts";
import { rowsToFloats } from "../tensor/convert-rows.ts";
import { runWork } from "../util/events.ts";
import { type ConvertRequest, convertModel } from "./convert-model.ts";
import { createLoraProduct } from "./lora-product.ts";
import { parseQuantizationType } from "./quantization-types.ts";

let temporary: TempDir;
const place = (name: string) => join(temporary.path, name);
beforeAll(async () => {
  temporary = await makeTempDir();
  await writeTinyModel(place("base.gguf"), { width: 256, feedForward: 256, isTied: false });
  await writeRandomAdapter(place("adapter.gguf"), place("base.gguf"));
});
afterAll(() => temporary[Symbol.asyncDispose]());

const convert = async (request: ConvertRequest) => (await runWork(convertModel({ threads: 1, ...request }))).output;
const tokens = Int32Array.from({ length: 12 }, (_, i) => 3 + ((i * 37) % 250));
const logits = (file: string, adapterFile?: string) => llamaLogits(file, tokens, { adapterFile });

/** Largest difference, as a share of the spread of the expected values. */
function difference(actual: Float32Array, expected: Float32Array): number {
  const spread = Math.sqrt(expected.reduce((sum, value) => sum + value * value, 0) / expected.length);
  return actual.reduce((worst, value, i) => Math.max(worst, Math.abs(value - expected[i]!)), 0) / spread;
}

async function weightsOf(file: string, name: string): Promise<{ type: string; values: Float64Array }> {
  const { type, offset, sizeBytes, shape } = (await readGguf(file)).tensors.get(name)!;
  const bytes = (await readFile(file)).subarray(offset, offset + sizeBytes);
  const elements = shape.reduce((a, b) => a * b, 1);
  return { type: GGML_TYPES[type]!.name, values: dequantize(type, bytes, elements) };
}

/** With ggml's own conversion, for types that the 64-bit one does not know. */
async function weightsOf32(file: string, name: string): Promise<Float32Array> {
  await using weights = await openGgufWeights(file);
  const tensor = weights.tensors.find((each) => each.name === name)!;
  const rows = rowCount(tensor);
  return rowsToFloats(tensor.type, await tensor.rows(0, rows), rows * tensor.shape[0]!);
}

test("rows of B A are added, whatever the rank", () => {
  for (const rank of [1, 3, 4, 6]) {
    const a = Float32Array.from({ length: rank * 5 }, (_, i) => (i % 7) - 3);
    const b = Float32Array.from({ length: 2 * rank }, (_, i) => (i % 5) - 2);
    const values = Float32Array.from({ length: 10 }, (_, i) => i);
    const expected = values.map((value, i) => {
      const [row, column] = [Math.floor(i / 5), i % 5];
      let sum = 0;
      for (let r = 0; r < rank; r++) sum += b[row * rank + r]! * a[r * 5 + column]!;
      return value + 2 * sum;
    });
    createLoraProduct(a, 5, 2).addRows(values, b);
    expect(values).toEqual(expected);
  }
});

describe.each<[string, TinyModelOptions]>([
  ["llama", {}],
  ["granite", { architecture: "granite" }],
])("an adapter merged into a %s model", (name, options) => {
  test("gives what llama.cpp gives with the adapter beside the base", async () => {
    const base = place(`merge-${name}.gguf`);
    await writeTinyModel(base, options);
    const adapter = place(`merge-${name}-adapter.gguf`);
    await writeRandomAdapter(adapter, base);
    const merged = await convert({ model: base, adapter, target: "gguf", output: place(`merged-${name}.gguf`) });
    const expected = await logits(base, adapter);
    expect(difference(await logits(base), expected)).toBeGreaterThan(0.1);
    expect(difference(await logits(merged), expected)).toBeLessThan(1e-5);
  });
});

test("merged weights of a quantised base are the sum, in 16 bits; what is not adapted is copied", async () => {
  const base = place("quantised.gguf");
  await writeTinyModel(base, { type: "Q4_0" });
  const adapter = place("quantised-adapter.gguf");
  await writeRandomAdapter(adapter, base);
  const merged = await convert({ model: base, adapter, target: "gguf", output: place("quantised-merged.gguf") });
  const { weights } = await readLoraAdapter(adapter);
  for (const { name, input, output, a, b } of weights) {
    const [made, original] = [await weightsOf(merged, name), await weightsOf(base, name)];
    expect(made.type).toBe("F16");
    for (let row = 0; row < output; row += 17)
      for (let column = 0; column < input; column += 13) {
        let product = 0;
        for (let r = 0; r < 4; r++) product += b[row * 4 + r]! * a[r * input + column]!;
        // Alpha 8, rank 4.
        const expected = original.values[row * input + column]! + 2 * product;
        expect(Math.abs(made.values[row * input + column]! - expected)).toBeLessThan(5e-4 * Math.abs(expected) + 1e-6);
      }
  }
  expect(await weightsOf(merged, "token_embd.weight")).toEqual(await weightsOf(base, "token_embd.weight"));
});

test("merged weights can keep the type of the base", async () => {
  const base = place("keep.gguf");
  await writeTinyModel(base, { type: "Q8_0" });
  await writeRandomAdapter(place("keep-adapter.gguf"), base);
  const request = { model: base, adapter: place("keep-adapter.gguf"), target: "gguf" as const };
  const exact = await convert({ ...request, output: place("keep-not.gguf") });
  const kept = await convert({ ...request, keepQuantizedTypes: true, output: place("kept.gguf") });
  const [expected, actual] = [
    await weightsOf(exact, "blk.0.attn_q.weight"),
    await weightsOf(kept, "blk.0.attn_q.weight"),
  ];
  expect(actual.type).toBe("Q8_0");
  const largest = expected.values.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  for (const [i, value] of actual.values.entries())
    expect(Math.abs(value - expected.values[i]!)).toBeLessThan(largest / 127);
});

test.each([
  // llama.cpp's own mixture: more bits for the head and for some of the sensitive matrices.
  ["Q4_K_M", { "output.weight": "Q6_K", "blk.1.attn_v.weight": "Q6_K", "blk.0.attn_q.weight": "Q4_K" }],
  ["Q8_0", { "output.weight": "Q8_0", "blk.1.ffn_down.weight": "Q8_0" }],
  ["F16", { "output.weight": "F16", "blk.1.ffn_down.weight": "F16", "blk.0.attn_norm.weight": "F32" }],
])("%s gives the types and nearly the weights", async (type, expected) => {
  const input = await readFile(place("base.gguf"));
  const output = place(`base-${type}.gguf`);
  await convert({ model: place("base.gguf"), target: "gguf", output, quantization: parseQuantizationType(type) });
  for (const [name, wanted] of Object.entries(expected)) {
    const [made, original] = [await weightsOf(output, name), await weightsOf(place("base.gguf"), name)];
    expect([name, made.type]).toEqual([name, wanted]);
    const power = original.values.reduce((sum, value) => sum + value * value, 0);
    const error = original.values.reduce((sum, value, i) => sum + (value - made.values[i]!) ** 2, 0);
    expect(Math.sqrt(error / power)).toBeLessThan(type === "Q4_K_M" ? 0.1 : 0.01);
  }
  expect(input.equals(await readFile(place("base.gguf")))).toBe(true);
});

test("types below three bits are made with an importance matrix, and what matters keeps more of itself", async () => {
  // llama.cpp searches long for these types.
  await writeTinyModel(place("one-layer.gguf"), { width: 256, feedForward: 256, layers: 1 });
  const base = await readGguf(place("one-layer.gguf"));
  const matrix = async (name: string, importance: (input: number) => number) => {
    const matrices = [...base.tensors.values()].filter(({ shape }) => shape.length === 2);
    const tensor = (of: string, shape: number[], values: Float32Array) => ({
      name: of,
      shape,
      type: 0,
      data: () => new Uint8Array(values.buffer),
    });
    await writeGguf(
      place(name),
      new Map([["general.type", { type: "string", value: "imatrix" }]]),
      matrices.flatMap(({ name: weight, shape }) => [
        // Sums over ten texts.
        tensor(
          `${weight}.in_sum2`,
          [shape[0]!, 1],
          Float32Array.from({ length: shape[0]! }, (_, i) => 10 * importance(i)),
        ),
        tensor(`${weight}.counts`, [1, 1], Float32Array.of(10)),
      ]),
    );
    const output = place(`${name}-IQ2.gguf`);
    await convert({ model: base.path, target: "gguf", output, quantization: "IQ2_XXS", importanceMatrix: place(name) });
    const [made, original] = [
      await weightsOf32(output, "blk.0.attn_q.weight"),
      await weightsOf(base.path, "blk.0.attn_q.weight"),
    ];
    return original.values.reduce((sum, value, i) => sum + (i % 8 < 4 ? (value - made[i]!) ** 2 : 0), 0);
  };
  // The error of inputs 0 to 3 of every 8, when they matter and when the others do.
  const theyMatter = await matrix("they.gguf", (input) => (input % 8 < 4 ? 1 : 0.01));
  const othersMatter = await matrix("others.gguf", (input) => (input % 8 < 4 ? 0.01 : 1));
  expect(theyMatter).toBeLessThan(0.8 * othersMatter);
  await expect(
    convert({
      model: base.path,
      target: "gguf",
      output: place("no.gguf"),
      quantization: "IQ2_XXS",
      importanceMatrix: base.path,
    }),
  ).rejects.toMatchObject({ code: "IMPORTANCE_MATRIX_INVALID" });
});

test("merging and quantising in one go gives the same bytes as one after the other", async () => {
  const merge = { model: place("base.gguf"), adapter: place("adapter.gguf"), target: "gguf" as const };
  const oneGo = await convert({ ...merge, quantization: "Q5_K_M", output: place("one-go.gguf") });
  const merged = await convert({ ...merge, output: place("first.gguf") });
  const then = await convert({ model: merged, target: "gguf", quantization: "Q5_K_M", output: place("second.gguf") });
  expect((await readFile(oneGo)).equals(await readFile(then))).toBe(true);
});

test("names of types are understood in any spelling, or corrected", () => {
  expect(["q4_k_m", "Q4-K", "bf16", "q5_K"].map(parseQuantizationType)).toEqual(["Q4_K_M", "Q4_K_M", "BF16", "Q5_K_M"]);
  expect(() => parseQuantizationType("Q4_KM")).toThrow(
    expect.objectContaining({ hint: expect.stringMatching(/^Did you mean Q4_K_M/) }),
  );
});

describe("what cannot be converted ends in an error, and nothing is left", () => {
  const refused = async (request: Partial<ConvertRequest>) => {
    const before = await readdir(temporary.path);
    const whole = { model: place("base.gguf"), target: "gguf" as const, output: place("refused.gguf"), ...request };
    const error = await convert(whole).then(
      () => undefined,
      (caught: { code: string; hint?: string }) => caught,
    );
    expect((await readdir(temporary.path)).sort()).toEqual(before.sort());
    expect(error?.code === "CANCELLED" || error?.hint).toBeTruthy();
    return error?.code;
  };
  test("requests without sense", async () => {
    expect(await refused({})).toBe("USAGE");
    expect(await refused({ target: "peft" })).toBe("USAGE");
    expect(await refused({ target: "hf", output: place("base.gguf") })).toBe("USAGE");
    expect(await refused({ model: place("adapter.gguf"), quantization: "Q8_0" })).toBe("USAGE");
    expect(await refused({ model: place("nowhere.gguf") })).toBe("GGUF_NOT_FOUND");
  });
  test("adapters of another model", async () => {
    const adapter = place("other-adapter.gguf");
    await writeTinyModel(place("other.gguf"), { layers: 3, width: 256, feedForward: 256 });
    await writeRandomAdapter(adapter, place("other.gguf"));
    expect(await refused({ adapter })).toBe("ADAPTER_MISMATCH");
    await writeTinyModel(place("other.gguf"), { width: 128 });
    await writeRandomAdapter(adapter, place("other.gguf"));
    expect(await refused({ adapter })).toBe("ADAPTER_MISMATCH");
    await writeTinyModel(place("other.gguf"), { architecture: "granite", width: 256, feedForward: 256 });
    await writeRandomAdapter(adapter, place("other.gguf"));
    expect(await refused({ adapter, target: "peft" })).toBe("ADAPTER_MISMATCH");
    expect(await refused({ adapter: place("base.gguf") })).toBe("ADAPTER_INVALID");
  });
  test("adapters with other things in them", async () => {
    const { weights, ...info } = await readLoraAdapter(place("adapter.gguf"));
    const broken = place("broken-adapter.gguf");
    weights[3]!.b[5] = Number.NaN;
    await writeLoraAdapter(broken, info, weights);
    expect(await refused({ adapter: broken })).toBe("ADAPTER_INVALID");
  });
  test("files that were cut, types that need more, cancelling", async () => {
    const cut = place("cut.gguf");
    await writeFile(cut, await readFile(place("base.gguf")));
    await truncate(cut, 300_000);
    expect(await refused({ model: cut, quantization: "Q8_0" })).toBe("GGUF_TRUNCATED");
    expect(await refused({ quantization: "IQ2_XXS" })).toBe("QUANTIZE_FAILED");
    expect(await refused({ quantization: "Q4_K_M", signal: AbortSignal.abort() })).toBe("CANCELLED");
    expect(await refused({ adapter: place("adapter.gguf"), signal: AbortSignal.abort() })).toBe("CANCELLED");
  });
  test("weights that are no numbers", async () => {
    const bytes = await readFile(place("base.gguf"));
    bytes.writeFloatLE(
      Number.NaN,
      (await readGguf(place("base.gguf"))).tensors.get("blk.0.ffn_up.weight")!.offset + 400,
    );
    await writeFile(place("nan.gguf"), bytes);
    expect(await refused({ model: place("nan.gguf"), quantization: "Q4_K_M" })).toBe("QUANTIZE_FAILED");
  });
  test("architectures that exist only in llama.cpp", async () => {
    const model = place("strange.gguf");
    await writeTinyModel(model, { architecture: "gemma2", layers: 2 });
    expect(await refused({ model, target: "hf" })).toBe("ARCHITECTURE_UNSUPPORTED");
  });
});

test("an adapter trained on another file of the same shape is used, with a warning", async () => {
  const adapter = place("noted.gguf");
  await writeRandomAdapter(adapter, place("base.gguf"), { notes: { base_sha256: "0".repeat(64) } });
  const messages: string[] = [];
  const request = { model: place("base.gguf"), adapter, target: "adapter" as const, output: place("noted-again.gguf") };
  await runWork(convertModel(request), (event) => {
    if (event.type === "message") messages.push(event.text);
  });
  expect(messages).toEqual([expect.stringMatching(/trained on another file/)]);
});
