/** The configuration file: what it gives, what it warns about, what it refuses. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { makeTempDir } from "../../test/helpers/temp-dir.ts";
import { createConfigSchema } from "./config-schema.ts";
import { listConfigKeys } from "./config-tree.ts";
import { loadConfig } from "./load-config.ts";
import { ilabPaths } from "./paths.ts";
import { readConfigFile } from "./read-config-file.ts";
import { toCommentedYaml } from "./to-commented-yaml.ts";

const paths = ilabPaths({ HOME: "/home/ada" });
const defaults = createConfigSchema(paths).parse({});

afterEach(() => vi.unstubAllEnvs());

async function read(text: string | Buffer) {
  await using directory = await makeTempDir();
  const file = join(directory.path, "config.yaml");
  await writeFile(file, text);
  return await readConfigFile(file, paths).catch((error: unknown) => {
    throw Object.assign(error as Error, { message: (error as Error).message.replaceAll(file, "FILE") });
  });
}

test("without a file, and with an empty one, the defaults hold", async () => {
  expect(await loadConfig(paths, "/nonexistent/config.yaml")).toEqual(defaults);
  expect(await read("")).toEqual({ config: defaults, warnings: [] });
  expect(await read("general:\n  log_level: DEBUG\n")).toEqual({
    config: { ...defaults, general: { log_level: "DEBUG" } },
    warnings: [],
  });
  expect(defaults.generate.taxonomy_path).toBe("/home/ada/.local/share/instructlab/taxonomy");
});

test("the commented YAML reads back as the same configuration and explains every key", async () => {
  const config = structuredClone(defaults);
  config.chat.model = "a: 'tricky' #name";
  config.evaluate.model = "null";
  config.train.num_epochs = 3;
  const yaml = toCommentedYaml(config, paths);
  expect(await read(yaml)).toEqual({ config, warnings: [] });
  for (const key of listConfigKeys(paths)) {
    expect(key.description, key.path.join(".")).not.toBe("");
    expect(yaml).toContain(`${key.path.at(-1)}:`);
  }
});

test("~ and environment variables are expanded in strings", async () => {
  vi.stubEnv("HOME", "/home/bob");
  vi.stubEnv("DISK", "/mnt");
  const { config } = await read("generate:\n  output_dir: ~/runs\n  taxonomy_path: ${DISK}/$NOT_SET_ANYWHERE/t\n");
  expect(config.generate.output_dir).toBe("/home/bob/runs");
  expect(config.generate.taxonomy_path).toBe("/mnt/$NOT_SET_ANYWHERE/t");
});

test("unknown keys are named with their place and the nearest known one, and the rest holds", async () => {
  const { config, warnings } = await read("chat:\n  modle: x\n  max_tokens: 5\nserve:\n  host_port: a\n");
  expect(config.chat.max_tokens).toBe(5);
  expect(warnings.map((warning) => warning.replace(/^.*config\.yaml/, "FILE"))).toEqual([
    expect.stringMatching(/^FILE:2:\d+: unknown key 'chat.modle' is ignored; did you mean 'chat.model'\?$/),
    expect.stringMatching(/^FILE:\d+:\d+: unknown key 'serve' is ignored$/),
  ]);
});

test.each([
  ["a wrong type", "chat:\n  max_tokens: many\n", /FILE:2:15: chat\.max_tokens: .*number/],
  ["a wrong value", "general:\n  log_level: LOUD\n", /FILE:2:14: general\.log_level: .*DEBUG/],
  ["a section that is a text", "train: yes please\n", /FILE:1:8: train: /],
  ["broken YAML", "chat:\n  model: [a\n", /FILE:\d+:\d+: /],
  ["a key given twice", "chat:\n  model: a\n  model: b\n", /FILE:3:3: .*unique/],
  ["tabs", "chat:\n\tmodel: a\n", /FILE:2:1: .*[Tt]ab/],
  ["a list", "- a\n", /FILE:1:1: expected a mapping/],
  ["too many bytes", Buffer.alloc(1_000_001, "#"), /the limit is 1000000/],
  [
    "an alias bomb",
    `a: &a [x,x,x,x,x,x,x,x,x]\n${"bcdefghi"
      .split("")
      .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${"abcdefgh"[index]}`).join(",")}]`)
      .join("\n")}\n`,
    /alias/i,
  ],
])("%s is refused with exit status 2", async (_, text, message) => {
  await expect(read(text)).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    exitCode: 2,
    message: expect.stringMatching(message),
    hint: expect.stringContaining("ilab config init"),
  });
});

test("the site's file holds where the user has none", async () => {
  await using directory = await makeTempDir();
  const site = join(directory.path, "site.yaml");
  const own = join(directory.path, "own.yaml");
  await writeFile(site, "chat:\n  model: site-model\n");
  vi.stubEnv("ILAB_GLOBAL_CONFIG", site);
  expect((await loadConfig(paths, own)).chat.model).toBe("site-model");
  await writeFile(own, "chat:\n  max_tokens: 7\n");
  expect((await loadConfig(paths, own)).chat).toEqual({ ...defaults.chat, max_tokens: 7 });
});
