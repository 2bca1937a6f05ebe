/** `ilab model train` as a user runs it, on a tiny random model: the run it leaves, reproducibility, cancelling, bad input. */
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runManifestSchema } from "../../src/artifacts.ts";
import { runIlab } from "../helpers/run-ilab.ts";
import { makeTempDir, type TempDir } from "../helpers/temp-dir.ts";
import { writeTinyModel } from "../helpers/tiny-model.ts";

let temporary: TempDir;
let home: string;
let model: string;
let data: string;

beforeAll(async () => {
  temporary = await makeTempDir();
  home = temporary.path;
  model = join(home, "tiny.gguf");
  await writeTinyModel(model);
  data = join(home, "messages.jsonl");
  const rows = Array.from({ length: 12 }, (_, i) => ({
    messages: [
      { role: "user", content: `How many boats has harbour ${i % 4}?` },
      { role: "assistant", content: `It has ${i % 4} boats.` },
    ],
  }));
  const text = [...rows, { messages: [{ role: "pretraining", content: "The harbour has boats." }], unmask: true }];
  await writeFile(data, text.map((row) => JSON.stringify(row)).join("\n"));
});
afterAll(() => temporary[Symbol.asyncDispose]());

function train(directory: string, ...args: string[]) {
  const common = [
    "model",
    "train",
    "--model-path",
    model,
    "--data-path",
    data,
    "--ckpt-output-dir",
    join(home, directory),
  ];
  return runIlab([...common, "--num-epochs", "4", "--seed", "3", ...args], { home });
}

async function stepsOf(directory: string): Promise<{ loss: number; anchorLoss: number }[]> {
  const [run] = await readdir(join(home, directory));
  const text = await readFile(join(home, directory, run!, "training.jsonl"), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

test("a run learns, is complete, is reproducible, and its student answers", async () => {
  const first = await train("first", "--json");
  expect(first.stderr).not.toMatch(/error/);
  expect(first.exitCode).toBe(0);
  const { directory, adapterFile } = JSON.parse(first.stdout);
  expect((await readdir(directory)).sort()).toEqual(["adapter.gguf", "manifest.json", "training.jsonl"]);
  expect(existsSync(adapterFile)).toBe(true);
  const manifest = runManifestSchema.parse(JSON.parse(await readFile(join(directory, "manifest.json"), "utf8")));
  expect(manifest).toMatchObject({ stage: "train", counts: { rows: 13, samples: 13, tooLong: 0, steps: 8 } });

  const steps = await stepsOf("first");
  expect(steps.at(-1)!.loss).toBeLessThan(0.8 * steps[0]!.loss);
  await train("second");
  const losses = (list: { loss: number; anchorLoss: number }[]) =>
    list.map(({ loss, anchorLoss }) => [loss, anchorLoss]);
  expect(losses(await stepsOf("second"))).toEqual(losses(steps));

  const asked = await runIlab(["model", "chat", "--model", directory, "--max-tokens", "4", "-qq", "How many boats?"], {
    home,
  });
  expect(asked.exitCode).toBe(0);
});

test("the anchor can be switched off, and is then absent", async () => {
  expect((await train("free", "--anchor-weight", "0")).exitCode).toBe(0);
  expect((await stepsOf("free")).every(({ anchorLoss }) => anchorLoss === 0)).toBe(true);
});

test("Ctrl-C ends the training process and leaves no run", async () => {
  const args = [
    "model",
    "train",
    "--model-path",
    model,
    "--data-path",
    data,
    "--ckpt-output-dir",
    join(home, "cancelled"),
  ];
  const { exitCode, stderr } = await runIlab([...args, "--num-epochs", "9000"], {
    home,
    onStart: (child) => {
      child.stderr!.on("data", (piece) => {
        if (String(piece).includes("train ...")) setTimeout(() => child.kill("SIGINT"), 300);
      });
    },
  });
  expect(exitCode).toBe(130);
  expect(stderr).toMatch(/cancelled/);
  expect(await readdir(join(home, "cancelled"))).toEqual([]);
});

test("what cannot be trained is refused with a reason and a hint, before anything is made", async () => {
  const refused = async (path: string, dataPath: string, ...args: string[]) => {
    const out = join(home, "refused");
    await mkdir(out, { recursive: true });
    const run = await runIlab(
      ["model", "train", "--model-path", path, "--data-path", dataPath, "--ckpt-output-dir", out, "--json", ...args],
      { home },
    );
    expect(await readdir(out)).toEqual([]);
    expect(run.exitCode).not.toBe(0);
    const { error } = JSON.parse(run.stdout);
    expect(error.hint).toEqual(expect.any(String));
    return error.code;
  };
  const gemma = join(home, "gemma.gguf");
  await writeTinyModel(gemma, { architecture: "gemma3" });
  expect(await refused(gemma, data)).toBe("ARCHITECTURE_UNSUPPORTED");
  const cut = join(home, "cut.gguf");
  await writeFile(cut, await readFile(model));
  await truncate(cut, 60_000);
  expect(await refused(cut, data)).toBe("GGUF_TRUNCATED");
  const missing = join(home, "missing.gguf");
  await writeTinyModel(missing, { mutate: (_, tensors) => tensors.delete("blk.1.ffn_up.weight") });
  expect(await refused(missing, data)).toBe("GGUF_INVALID");
  const bias = join(home, "bias.gguf");
  await writeTinyModel(bias, { mutate: (_, tensors) => tensors.set("blk.0.attn_q.bias", { shape: [64], type: 0 }) });
  expect(await refused(bias, data)).toBe("ARCHITECTURE_UNSUPPORTED");

  expect(await refused(model, join(home, "nowhere.jsonl"))).toBe("DATA_NOT_FOUND");
  const broken = join(home, "broken.jsonl");
  await writeFile(broken, '{"messages": []}\n');
  expect(await refused(model, broken)).toBe("BAD_SAMPLE");
  await writeFile(broken, "{not json\n");
  expect(await refused(model, broken)).toBe("BAD_JSON_LINE");
  const silent = join(home, "silent.jsonl");
  await writeFile(silent, `${JSON.stringify({ messages: [{ role: "user", content: "Hello?" }] })}\n`);
  expect(await refused(model, silent)).toBe("NOTHING_TO_TRAIN");
  expect(await refused(model, data, "--max-seq-len", "8")).toBe("NOTHING_TO_TRAIN");
  expect(await refused(model, data, "--num-epochs", "none")).toBe("USAGE");
  expect(await refused(model, data, "--lora-target-modules", "nonsense")).toBe("USAGE");
});
