/**
 * The same model on every device of this machine and on the processor: losses, gradients, steps and states agree. Where there is no
 * device (as in CI), the processor stands behind a device's interface, which proves the graphs that devices get.
 * A software Vulkan device is used with GGML_VK_VISIBLE_DEVICES=0.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeBatch, randomParameters, relativeDifference, TEST_LORA } from "../../../test/helpers/compare-gradients.ts";
import { type TinyModelOptions, writeTinyModel } from "../../../test/helpers/tiny-model.ts";
import { readGguf } from "../../formats/gguf/read-gguf.ts";
import { chooseDevice, type Device, findDevices, listDevices } from "../../tensor/devices.ts";
import { type EngineOptions, TrainingEngine } from "./training-engine.ts";

/** CUDA rounds the operands of its products to 10 bits (TF32). */
const TOLERANCE: Record<Device["kind"], number> = { cpu: 1e-5, vulkan: 1e-4, metal: 1e-2, cuda: 1e-2 };
const ADAMW = { learningRate: 1e-3, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.01, maxGradientNorm: 1 };
const STEPS = 3;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "ilab-device-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function train(options: Partial<EngineOptions>, model: TinyModelOptions) {
  const path = join(directory, "model.gguf");
  await writeTinyModel(path, model);
  const file = await readGguf(path);
  using engine = new TrainingEngine(file, {
    lora: TEST_LORA,
    seed: 1,
    threads: 1,
    holdType: "F32",
    usesKernels: false,
    ...options,
  });
  if (engine.layout.rank > 0) engine.setParameters(randomParameters(engine.layout.size));
  const batch = makeBatch(engine.spec.vocabulary);
  const losses: number[] = [];
  let gradients: Float32Array | undefined;
  for (let step = 0; step < STEPS; step++) {
    const { targetLoss, anchorLoss } = engine.accumulate(batch, 1 / 6, 0.5 / 3);
    losses.push(targetLoss, anchorLoss);
    gradients ??= engine.gradients.slice();
    // A state goes out and in again between any two steps.
    const { parameters, firstMoments, secondMoments, steps } = engine.exportState();
    const state = [parameters, firstMoments, secondMoments].map((values) => values.slice());
    engine.importState({ parameters: state[0]!, firstMoments: state[1]!, secondMoments: state[2]!, steps });
    engine.step(ADAMW);
  }
  return { losses, gradients: gradients!, parameters: engine.parameters.slice() };
}

const found = findDevices().devices;
const devices = found.length > 0 ? found : listDevices("cpu");

describe.each(devices)("$kind $description", (device) => {
  test.each<[string, TinyModelOptions, Partial<EngineOptions>]>([
    ["an adapter", {}, {}],
    ["a model in 8 bits", { type: "Q8_0" }, {}],
    ["a model in k-quants", { type: "Q4_K", width: 256, feedForward: 256, layers: 1 }, {}],
    ["matrices converted for every product", { type: "Q6_K", width: 256, feedForward: 256 }, { isStreamed: true }],
    ["soft caps, windows and more norms", { architecture: "gemma2" }, {}],
    ["biases", { architecture: "qwen2" }, {}],
    ["norms of heads, all weights trained", { architecture: "qwen3" }, { lora: undefined }],
  ])("%s", async (_, model, options) => {
    const [expected, result] = [await train(options, model), await train({ ...options, device }, model)];
    const tolerance = TOLERANCE[device.kind];
    expect(relativeDifference(result.losses, expected.losses)).toBeLessThan(tolerance);
    expect(relativeDifference(result.gradients, expected.gradients)).toBeLessThan(10 * tolerance);
    expect(relativeDifference(result.parameters, expected.parameters)).toBeLessThan(10 * tolerance);
  });
});

test("a device that is not there is missed with its reason", () => {
  const absent = process.platform === "darwin" ? "cuda" : "metal";
  expect(() => chooseDevice(absent)).toThrow(
    expect.objectContaining({ code: "DEVICE_UNAVAILABLE", message: expect.stringContaining("no libraries") }),
  );
});
