/** `ilab model convert` as a user runs it: a run into every form, forms into each other, inputs left alone, errors with hints. */
import { existsSync } from "node:fs";
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runManifestSchema } from "../../src/artifacts.ts";
import { readGguf } from "../../src/formats/gguf/read-gguf.ts";
import { sha256File } from "../../src/util/hash.ts";
import { writeRandomAdapter } from "../helpers/random-adapter.ts";
import { runIlab } from "../helpers/run-ilab.ts";
import { makeTempDir, type TempDir } from "../helpers/temp-dir.ts";
import { writeTinyModel } from "../helpers/tiny-model.ts";

let temporary: TempDir;
let home: string;
let base: string;
let run: string;
const place = (name: string) => join(home, name);

beforeAll(async () => {
  temporary = await makeTempDir();
  home = temporary.path;
  base = place("tiny.gguf");
  await writeTinyModel(base, { width: 256, feedForward: 256, type: "Q8_0" });
  run = place("run");
  await mkdir(run);
  await writeRandomAdapter(join(run, "adapter.gguf"), base);
  const manifest = runManifestSchema.parse({
    stage: "train",
    ilabVersion: "0.1.0",
    startedAt: "2026-11-23T22:00:00Z",
    endedAt: "2026-11-23T22:01:00Z",
    config: { baseModelFile: base },
    inputs: {},
    counts: {},
    timings: {},
    outputs: { adapter: "adapter.gguf" },
  });
  await writeFile(join(run, "manifest.json"), JSON.stringify(manifest));
});
afterAll(() => temporary[Symbol.asyncDispose]());

const convert = (...args: string[]) => runIlab(["model", "convert", "--json", ...args], { home, cwd: home });

async function converted(...args: string[]): Promise<{ output: string; to: string; quantization?: string }> {
  const { exitCode, stdout, stderr } = await convert(...args);
  expect(stderr).not.toMatch(/error/);
  expect(exitCode).toBe(0);
  return JSON.parse(stdout);
}

test("a run becomes one 4-bit file in upstream's place, and answers; base and run stay as they are", async () => {
  const before = [await sha256File(base), await sha256File(join(run, "adapter.gguf"))];
  const { output, quantization } = await converted("--model-dir", run);
  expect(output).toBe(place("run-trained/run-Q4_K_M.gguf"));
  expect(quantization).toBe("Q4_K_M");
  expect(await readdir(place("run-trained"))).toEqual(["run-Q4_K_M.gguf"]);
  expect((await readGguf(output)).metadata.get("general.file_type")?.value).toBe(15);
  const asked = await runIlab(["model", "chat", "--model", output, "--max-tokens", "4", "-qq", "Boats?"], { home });
  expect(asked.exitCode).toBe(0);
  expect([await sha256File(base), await sha256File(join(run, "adapter.gguf"))]).toEqual(before);
});

test("upstream's flags: without quantising the file survives; without de-quantising it stays small", async () => {
  const plain = await converted("--model-dir", run, "-sq", "--model-name", "plain");
  expect(plain.output).toBe(place("plain-trained/plain.gguf"));
  const small = await converted(
    "--model-dir",
    base,
    "--adapter-file",
    join(run, "adapter.gguf"),
    "-sd",
    "--model-name",
    "small",
  );
  const size = async (file: string) => (await stat(file)).size;
  expect(await size(plain.output)).toBeGreaterThan(1.5 * (await size(base)));
  expect(Math.abs((await size(small.output)) - (await size(base)))).toBeLessThan(1000);
});

test("through Hugging Face's layout and peft's, and back to the same", async () => {
  const { output: directory } = await converted("--model-dir", base, "--to", "hf", "--output", place("hf"));
  expect((await readdir(directory)).sort()).toEqual([
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
  ]);
  const { output: again } = await converted(
    "--model-dir",
    directory,
    "--quantize",
    "q8_0",
    "--output",
    place("again.gguf"),
  );
  expect((await readGguf(again)).metadata.get("general.architecture")?.value).toBe("llama");

  const { output: peft } = await converted("--model-dir", run, "--to", "peft");
  expect(peft).toBe(place("run-peft"));
  const { output: adapter } = await converted("--model-dir", peft, "--to", "adapter", "--output", place("back.gguf"));
  expect(await sha256File(adapter)).toBe(await sha256File(join(run, "adapter.gguf")));
  // On another form of the base, named explicitly.
  await converted(
    "--model-dir",
    peft,
    "--base-model",
    directory,
    "--output",
    place("merged.gguf"),
    "--quantize",
    "F16",
  );
});

test("what cannot be done says why, ends with a status, and leaves nothing", async () => {
  const refused = async (...args: string[]) => {
    const { exitCode, stdout } = await convert(
      ...args,
      ...(args.includes("--output") ? [] : ["--output", place("refused")]),
    );
    expect(existsSync(place("refused"))).toBe(false);
    const { error } = JSON.parse(stdout);
    expect(error.hint).toEqual(expect.any(String));
    return [exitCode, error.code];
  };
  expect(await refused("--model-dir", base, "--to", "onnx")).toEqual([2, "USAGE"]);
  expect(await refused("--model-dir", base, "--to", "hf", "--quantize", "Q8_0")).toEqual([2, "USAGE"]);
  expect(await refused("--model-dir", base, "--quantize", "Q9_0")).toEqual([2, "USAGE"]);
  expect(await refused("--model-dir", base, "--quantize", "Q8_0", "-sq")).toEqual([2, "USAGE"]);
  expect(await refused("--model-dir", base, "-sq")).toEqual([2, "USAGE"]);
  expect(await refused("--model-dir", base, "--to", "peft")).toEqual([2, "USAGE"]);
  expect(await refused("--model-dir", base, "--adapter-file", base)).toEqual([2, "USAGE"]);
  expect(await refused("--model-dir", base, "--quantize", "Q8_0", "--output", run)).toEqual([2, "USAGE"]);
  expect(await refused("--model-dir", place("nowhere"))).toEqual([1, "MODEL_MISSING"]);
  const lonely = place("lonely");
  await mkdir(lonely);
  const config = { peft_type: "LORA", r: 4, lora_alpha: 8, base_model_name_or_path: "someone/some-model" };
  await writeFile(join(lonely, "adapter_config.json"), JSON.stringify(config));
  expect(await refused("--model-dir", lonely)).toEqual([2, "USAGE"]);
  expect(await refused("--model-dir", lonely, "--base-model", base)).toEqual([1, "ADAPTER_INVALID"]);
  await writeFile(join(lonely, "adapter_config.json"), JSON.stringify({ ...config, use_dora: true }));
  expect(await refused("--model-dir", lonely, "--base-model", base)).toEqual([1, "ADAPTER_INVALID"]);
});

test("Ctrl-C in the middle leaves nothing", async () => {
  const big = place("big.gguf");
  // IQ3_S takes llama.cpp seconds, where other types take parts of one.
  await writeTinyModel(big, { width: 512, feedForward: 2048 });
  const output = place("cancelled/model.gguf");
  const { exitCode, stderr } = await runIlab(
    ["model", "convert", "--model-dir", big, "--quantize", "IQ3_S", "--output", output],
    {
      home,
      onStart: (child) =>
        child.stderr!.on("data", (piece) => {
          if (String(piece).includes("quantise ...")) setTimeout(() => child.kill("SIGINT"), 300);
        }),
    },
  );
  expect(exitCode).toBe(130);
  expect(stderr).toMatch(/cancelled/);
  expect(await readdir(place("cancelled"))).toEqual([]);
});
