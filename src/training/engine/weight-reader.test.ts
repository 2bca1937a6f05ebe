/** Weights that are NaN or infinite are noticed while they are loaded, whatever tensor they are in. */
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TEST_LORA } from "../../../test/helpers/compare-gradients.ts";
import { writeTinyModel } from "../../../test/helpers/tiny-model.ts";
import { readGguf } from "../../formats/gguf/read-gguf.ts";
import { TrainingEngine } from "./training-engine.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "ilab-weights-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

test.each([
  "token_embd.weight",
  "output_norm.weight",
  "blk.0.attn_norm.weight",
  "blk.1.attn_q.weight",
  "blk.1.attn_q_norm.weight",
  "blk.0.attn_k.bias",
  "blk.1.ffn_down.weight",
])("%s", async (name) => {
  const path = join(directory, "model.gguf");
  await writeTinyModel(path, { architecture: "qwen3", biases: ["attn_q", "attn_k", "attn_v"] });
  const file = await readGguf(path);
  const handle = await open(path, "r+");
  const infinity = new Uint8Array(Float32Array.of(Number.NEGATIVE_INFINITY).buffer);
  await handle.write(infinity, 0, 4, file.tensors.get(name)!.offset + 4 * 5);
  await handle.close();
  const load = () => new TrainingEngine(file, { lora: TEST_LORA, seed: 1, threads: 1, holdType: "F32" });
  expect(load).toThrow(
    expect.objectContaining({
      code: "MODEL_NOT_FINITE",
      message: expect.stringContaining(`the tensor ${name} holds NaN or infinity (element 5)`),
    }),
  );
});
