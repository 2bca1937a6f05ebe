/** Finding, listing and removing what is in the store. */
import { mkdir, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeTempDir } from "../../test/helpers/temp-dir.ts";
import type { Catalog } from "./catalog.ts";
import { listModels } from "./list-models.ts";
import { removeModel } from "./remove-model.ts";
import { resolveModel } from "./resolve-model.ts";

const catalog: Catalog = {
  tiny: {
    file: "Tiny.Q4.gguf",
    sizeBytes: 8,
    sha256: "0",
    architecture: "llama",
    license: "MIT",
    description: "",
    sources: [],
  },
};

async function withStore(use: (directory: string, outside: string) => Promise<void>): Promise<void> {
  await using home = await makeTempDir();
  const directory = join(home.path, "models");
  await mkdir(join(directory, "owner", "repo"), { recursive: true });
  await writeFile(join(directory, "Tiny.Q4.gguf"), "GGUF1234");
  await writeFile(join(directory, "owner", "repo", "deep.gguf"), "GGUF");
  await writeFile(join(directory, "half.gguf.part"), "GGUF");
  await writeFile(join(directory, "notes.txt"), "GGUF");
  await writeFile(join(home.path, "mine.gguf"), "GGUF");
  await use(directory, home.path);
}

test("a model is found by catalog name, file name, name without ending, and path", () =>
  withStore(async (directory, outside) => {
    const find = (name: string) => resolveModel(name, { directory, catalog });
    expect(await find("tiny")).toBe(join(directory, "Tiny.Q4.gguf"));
    expect(await find("Tiny.Q4.gguf")).toBe(join(directory, "Tiny.Q4.gguf"));
    expect(await find("Tiny.Q4")).toBe(join(directory, "Tiny.Q4.gguf"));
    expect(await find("owner/repo/deep.gguf")).toBe(join(directory, "owner/repo/deep.gguf"));
    expect(await find(join(outside, "mine.gguf"))).toBe(join(outside, "mine.gguf"));
  }));

test("a missing model says how to get it, or which one was meant", () =>
  withStore(async (directory, outside) => {
    const find = (name: string) => resolveModel(name, { directory, catalog });
    await expect(resolveModel("tiny", { directory: outside, catalog })).rejects.toMatchObject({
      code: "MODEL_MISSING",
      hint: "Get it with 'ilab model download tiny'.",
    });
    await expect(find("tinny")).rejects.toMatchObject({
      code: "MODEL_MISSING",
      hint: expect.stringContaining("'tiny'"),
    });
    await expect(find("./no/such.gguf")).rejects.toMatchObject({ message: "there is no model file ./no/such.gguf" });
    await expect(find("../mine")).rejects.toMatchObject({ code: "MODEL_MISSING" });
    await expect(find("owner")).rejects.toMatchObject({ code: "MODEL_MISSING" });
  }));

test("a file of another size under a catalog name is not that model", () =>
  withStore(async (directory) => {
    await writeFile(join(directory, "Tiny.Q4.gguf"), "GGUF");
    await expect(resolveModel("tiny", { directory, catalog })).rejects.toMatchObject({
      code: "MODEL_MISSING",
      message: expect.stringContaining("has 4 bytes; tiny has 8"),
    });
  }));

test("the list has finished GGUF files only", () =>
  withStore(async (directory) => {
    const models = await listModels(directory, { catalog });
    expect(models.map(({ name, sizeBytes }) => [name, sizeBytes])).toEqual([
      ["owner/repo/deep.gguf", 4],
      ["tiny", 8],
    ]);
    expect(models[0]!.architecture).toBeUndefined();
    expect(await listModels(join(directory, "none"))).toEqual([]);
  }));

test("only models of the store are removed", () =>
  withStore(async (directory, outside) => {
    const remove = (name: string) => removeModel(name, { directory, catalog });
    for (const name of [join(outside, "mine.gguf"), `${directory}/../mine.gguf`, "notes.txt", "../mine.gguf"])
      await expect(remove(name)).rejects.toThrow();
    await symlink(outside, join(directory, "link"));
    await expect(remove("link/mine.gguf")).rejects.toMatchObject({ code: "USAGE" });
    expect((await stat(join(outside, "mine.gguf"))).isFile()).toBe(true);

    expect(await remove("tiny")).toBe(join(directory, "Tiny.Q4.gguf"));
    await remove("owner/repo/deep.gguf");
    expect(await listModels(directory, { catalog })).toEqual([]);
  }));
