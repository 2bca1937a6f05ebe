/** An adapter goes into its file and comes back as the same numbers; what belongs to another model or other settings is refused. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeTempDir } from "../../test/helpers/temp-dir.ts";
import { writeTinyModel } from "../../test/helpers/tiny-model.ts";
import { readGguf } from "../formats/gguf/read-gguf.ts";
import { type LoraAdapter, readLoraAdapter, writeLoraAdapter } from "../formats/lora-adapter.ts";
import { createRandomSource } from "../util/rng.ts";
import { adapterParameters } from "./adapter-parameters.ts";
import { loraWeights } from "./engine/export-adapter.ts";
import { createLoraLayout, type LoraOptions } from "./engine/lora-layout.ts";
import { readModelSpec } from "./engine/model-spec.ts";

const FIT = { path: "adapter.gguf", architecture: "llama", baseSha256: "ab".repeat(32) };
const NOTES = { base_sha256: FIT.baseSha256 };

async function setUp(options: LoraOptions) {
  await using directory = await makeTempDir();
  const model = join(directory.path, "tiny.gguf");
  await writeTinyModel(model, { layers: 3 });
  const spec = readModelSpec(await readGguf(model));
  const layout = createLoraLayout(spec, options);
  const random = createRandomSource(1);
  const values = Float32Array.from({ length: layout.size }, () => random.normal());
  const path = join(directory.path, "adapter.gguf");
  const info = { architecture: "llama", alpha: layout.scale * layout.rank, notes: NOTES };
  await writeLoraAdapter(path, info, loraWeights(layout, values));
  return { spec, layout, values, adapter: await readLoraAdapter(path) };
}

test.each<[string, LoraOptions]>([
  ["all modules", { rank: 4, alpha: 8, targets: ["*_proj"] }],
  [
    "rank-stabilised, some modules of some layers",
    { rank: 8, alpha: 8, isRankStabilized: true, targets: ["layers.{0..1}.q_proj", "v_proj"] },
  ],
])("%s come back as they were", async (_, options) => {
  const { layout, values, adapter } = await setUp(options);
  expect(adapterParameters(layout, adapter, FIT)).toEqual(values);
  // Adapters from elsewhere do not say what they were trained on.
  expect(adapterParameters(layout, { ...adapter, notes: {} }, FIT)).toEqual(values);
});

test("another model's adapter, other modules, rank or scale are refused by name", async () => {
  const options = { rank: 4, alpha: 8, targets: ["q_proj", "v_proj"] };
  const { spec, layout, adapter } = await setUp(options);
  const refusal = (changes: Partial<LoraAdapter>, other: Partial<LoraOptions> = {}) => {
    try {
      adapterParameters(createLoraLayout(spec, { ...options, ...other }), { ...adapter, ...changes }, FIT);
    } catch (error) {
      expect(error).toMatchObject({ code: "ADAPTER_MISMATCH", exitCode: 2, hint: expect.any(String) });
      return (error as Error).message;
    }
    return "fits";
  };
  expect(layout.modules.length).toBe(6);
  expect(refusal({})).toBe("fits");
  expect(refusal({ architecture: "qwen2" })).toMatch(/another model: it is for the architecture 'qwen2'/);
  expect(refusal({ notes: { base_sha256: "cd".repeat(32) } })).toMatch(
    /another model: .* cdcdcdcdcdcd, .* abababababab/,
  );
  const wider = adapter.weights.map((weight) => ({ ...weight, output: 2 * weight.output }));
  expect(refusal({ weights: wider })).toMatch(/another model: its 'blk\.0\.attn_q\.weight' is for 64 x 128 weights/);
  expect(refusal({}, { targets: ["q_proj"] })).toMatch(/settings: it adapts blk\.0\.attn_v\.weight and 2 others/);
  expect(refusal({}, { targets: ["*_proj"] })).toMatch(
    /settings: it does not adapt blk\.0\.attn_k\.weight and 14 others/,
  );
  expect(refusal({}, { rank: 8 })).toMatch(/its rank is 4, 8 is set/);
  expect(refusal({}, { isRankStabilized: true })).toMatch(/its scale is 2, the settings give 4/);
});
