/** The GGUF reader and writer against each other, against another implementation, and against files that lie. */
import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gguf } from "@huggingface/gguf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { encodeWeights, writeTinyModel } from "../../../test/helpers/tiny-model.ts";
import { TensorType } from "../../tensor/ggml.ts";
import { createRandomSource } from "../../util/rng.ts";
import { dequantize, halfToNumber } from "./dequantize.ts";
import { findNotFinite } from "./find-not-finite.ts";
import { readGguf } from "./read-gguf.ts";
import { GGML_TYPES } from "./types.ts";
import { writeGguf } from "./write-gguf.ts";

let directory: string;
let model: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "ilab-gguf-"));
  model = join(directory, "tiny.gguf");
  await writeTinyModel(model, { type: "Q8_0" });
});
afterAll(() => rm(directory, { recursive: true, force: true }));

test("another reader finds the same metadata and tensors", async () => {
  const ours = await readGguf(model);
  const theirs = await gguf(model, { allowLocalFile: true });
  expect(ours.tensors.size).toBe(theirs.tensorInfos.length);
  for (const info of theirs.tensorInfos) {
    const tensor = ours.tensors.get(info.name)!;
    expect(tensor.shape).toEqual(info.shape.map(Number));
    expect(tensor.type).toBe(info.dtype);
    expect(tensor.offset).toBe(Number(theirs.tensorDataOffset + info.offset));
  }
  const theirMetadata = theirs.metadata as Record<string, unknown>;
  for (const [key, { value }] of ours.metadata) expect(theirMetadata[key], key).toEqual(value);
});

test("what is read can be written again, byte for byte", async () => {
  const file = await readGguf(model);
  const bytes = await readFile(model);
  const copy = join(directory, "copy.gguf");
  await writeGguf(
    copy,
    file.metadata,
    [...file.tensors.values()].map((tensor) => ({
      ...tensor,
      data: () => bytes.subarray(tensor.offset, tensor.offset + tensor.sizeBytes),
    })),
  );
  expect(await readFile(copy)).toEqual(bytes);
});

test("a file that was cut short is said to be cut short, wherever it was cut", async () => {
  const { length } = await readFile(model);
  const first = [...(await readGguf(model)).tensors.values()][0]!.offset;
  for (const size of [4, 20, 500, first - 40, first + 10, length - 33]) {
    const cut = join(directory, `cut-${size}.gguf`);
    await writeFile(cut, await readFile(model));
    await truncate(cut, size);
    await expect(readGguf(cut), `cut at ${size}`).rejects.toMatchObject({
      code: "GGUF_TRUNCATED",
      hint: expect.any(String),
    });
  }
});

test("other files and missing files are refused by name", async () => {
  const text = join(directory, "text.gguf");
  await writeFile(text, "not a model at all");
  await expect(readGguf(text)).rejects.toMatchObject({ code: "GGUF_INVALID" });
  await expect(readGguf(join(directory, "nowhere.gguf"))).rejects.toMatchObject({ code: "GGUF_NOT_FOUND" });
  await expect(readGguf(directory)).rejects.toMatchObject({ code: "GGUF_NOT_FOUND" });
});

test("damaged headers end in an error or in a consistent file, never in a crash or in much memory", async () => {
  const bytes = await readFile(model);
  const header = [...(await readGguf(model)).tensors.values()][0]!.offset;
  const random = createRandomSource(12);
  const path = join(directory, "fuzz.gguf");
  for (let trial = 0; trial < 300; trial++) {
    const damaged = Buffer.from(bytes);
    for (let i = 0; i < 1 + random.integer(4); i++)
      damaged[random.integer(trial % 2 === 0 ? header : 200)] = random.integer(256);
    await writeFile(path, damaged);
    try {
      for (const tensor of (await readGguf(path)).tensors.values())
        expect(tensor.offset + tensor.sizeBytes).toBeLessThanOrEqual(damaged.length);
    } catch (error) {
      expect((error as { code?: string }).code).toMatch(/^GGUF_/);
    }
  }
});

test("half precision", () => {
  expect([0x3c00, 0xc000, 0x3555, 0x0001, 0x7bff, 0x8000].map(halfToNumber)).toEqual([
    1,
    -2,
    0.333251953125,
    2 ** -24,
    65504,
    -0,
  ]);
});

test.each(["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K"] as const)(
  "a weight of type %s that is not finite is found without decoding",
  (type) => {
    const { blockSize, blockBytes } = Object.values(GGML_TYPES).find(({ name }) => name === type)!;
    const id = TensorType[type];
    const random = createRandomSource(3);
    const elements = 4 * 256;
    const bytes = encodeWeights(
      id,
      Float32Array.from({ length: elements }, () => random.normal()),
      256,
    );
    expect(findNotFinite(id, bytes)).toBeUndefined();
    // Whatever byte is damaged, the answer is the decoder's.
    let found = 0;
    for (let at = blockBytes; at < 2 * blockBytes; at++)
      for (const value of [0x7c, 0x7f, 0xff, 0x80]) {
        const damaged = bytes.slice();
        damaged[at] = value;
        if (type === "F32" || type === "BF16") damaged[at - 1] = 0x80;
        const decoded = dequantize(id, damaged, elements);
        const first = decoded.findIndex((weight) => !Number.isFinite(weight));
        const answer = findNotFinite(id, damaged);
        if (first === -1) expect(answer).toBeUndefined();
        else {
          found += 1;
          expect(answer).toBe(Math.floor(first / blockSize) * blockSize);
        }
      }
    expect(found).toBeGreaterThan(0);
    // Memory that begins at an odd address is read as well.
    const odd = new Uint8Array(bytes.length + 1).subarray(1);
    odd.set(bytes);
    expect(findNotFinite(id, odd)).toBeUndefined();
  },
);
