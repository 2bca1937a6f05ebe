import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { packageRoot } from "../util/assets.ts";
import { chooseBase } from "./choose-base.ts";
import { readTaxonomy } from "./read-taxonomy.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "ilab-taxonomy-"));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

const skill = (word: string) => `version: 3
created_by: somebody
task_description: Do it
seed_examples:
${[1, 2, 3, 4, 5].map((n) => `  - question: ${word} ${n}\n    answer: Done ${n}\n`).join("")}`;

async function put(path: string, content = skill("Do")) {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
  if (path.endsWith("qna.yaml"))
    await writeFile(join(root, path.replace("qna.yaml", "attribution.txt")), "License of the work: MIT\n");
}
const git = (...args: string[]) =>
  execFileSync("git", ["-C", root, "-c", "user.name=T", "-c", "user.email=t@example.org", ...args], {
    encoding: "utf8",
    env: { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null" },
  });
function commit(message: string) {
  git("add", "-A");
  git("commit", "-qm", message);
}
const paths = async (base?: string) => (await readTaxonomy(root, { base })).leaves.map((leaf) => leaf.taxonomyPath);

describe("the whole tree", () => {
  test("in a fixed order, from the two folders alone", async () => {
    for (const path of ["knowledge-x/a", "foundational_skills/a", "compositional_skills/b", "compositional_skills/a/c"])
      await put(`${path}/qna.yaml`);
    await put("docs/knowledge/a/qna.yaml");
    expect(await paths()).toEqual(["compositional_skills->a->c", "compositional_skills->b"]);
  });

  test("the last taxonomy folder on the way decides how a file is checked, and that is told", async () => {
    await put("compositional_skills/knowledge/x/qna.yaml");
    const { leaves, issues } = await readTaxonomy(root);
    expect(leaves).toEqual([]);
    expect(issues.map(({ code }) => code)).toContain("nested-taxonomy-folder");
    expect(issues.map(({ message }) => message)).toContain("'document' is missing");
  });

  test("misspelt names are warnings; bad files do not hide good ones", async () => {
    await put("compositional_skills/a/qna.yml");
    await put("compositional_skills/b/QNA.yaml");
    await put("compositional_skills/c/qna.yaml", "");
    await put("compositional_skills/d/qna.yaml");
    const { leaves, issues, files } = await readTaxonomy(root);
    expect(leaves.map(({ name }) => name)).toEqual(["compositional_skills_d"]);
    expect(files).toHaveLength(2);
    expect(issues.map(({ code, severity }) => [code, severity])).toEqual([
      ["wrong-file-name", "warning"],
      ["wrong-file-name", "warning"],
      ["empty-file", "warning"],
    ]);
  });

  // Elsewhere the file system refuses such names.
  test.runIf(process.platform === "linux")(
    "a folder whose name is not UTF-8 is told, in git where something in it changed",
    async () => {
      await put("compositional_skills/d/qna.yaml");
      const folder = Buffer.concat([Buffer.from(join(root, "compositional_skills", "caf")), Buffer.from([0xe9])]);
      await mkdir(folder);
      await writeFile(Buffer.concat([folder, Buffer.from("/qna.yaml")]), skill("Do"));
      const { leaves, issues } = await readTaxonomy(root);
      expect(leaves).toHaveLength(1);
      expect(issues).toMatchObject([{ code: "name-not-utf-8", severity: "warning" }]);
      git("init", "-q", "-b", "main");
      expect((await readTaxonomy(root)).issues).toHaveLength(1);
      commit("all");
      expect((await readTaxonomy(root, { base: "main" })).issues).toEqual([]);
      await writeFile(Buffer.concat([folder, Buffer.from("/qna.yaml")]), skill("Done"));
      expect((await readTaxonomy(root, { base: "main" })).issues).toMatchObject([{ code: "name-not-utf-8" }]);
    },
  );

  test("two leaves whose files would have one name", async () => {
    await put("compositional_skills/a/b_c/qna.yaml");
    await put("compositional_skills/a_b/c/qna.yaml");
    const { issues, leaves } = await readTaxonomy(root);
    expect(leaves.map(({ name }) => name)).toEqual(["compositional_skills_a_b_c", "compositional_skills_a_b_c_2"]);
    expect(issues).toMatchObject([{ code: "same-leaf-name", severity: "warning" }]);
  });

  test("a single file, and a directory that holds one", async () => {
    await put("compositional_skills/a/qna.yaml");
    const directory = join(root, "compositional_skills", "a");
    for (const path of [directory, join(directory, "qna.yaml")])
      expect((await readTaxonomy(path, { base: "origin/main" })).leaves).toMatchObject([
        { taxonomyPath: "compositional_skills->a" },
      ]);
  });

  test("what is not there, or no taxonomy, is an error", async () => {
    await expect(readTaxonomy(join(root, "nowhere"))).rejects.toMatchObject({ code: "USAGE" });
    await expect(readTaxonomy(root)).rejects.toMatchObject({ message: expect.stringContaining("is not a taxonomy") });
  });

  test("an aborted signal stops it", async () => {
    await put("compositional_skills/a/qna.yaml");
    const signal = AbortSignal.abort();
    await expect(readTaxonomy(root, { signal })).rejects.toMatchObject({ code: "CANCELLED" });
  });
});

describe("changes since a git base", () => {
  beforeEach(async () => {
    git("init", "-q", "-b", "main");
    for (const leaf of ["a", "b", "c", "d"]) await put(`compositional_skills/${leaf}/qna.yaml`);
    await put("compositional_skills/c/held_out.yaml", "- question: Q\n  answer: A\n");
    await put("compositional_skills/d/papers/one.md", "One");
    await put(".gitignore", "ignored/\n");
    commit("base");
  });

  test("nothing changed", async () => {
    expect(await paths("main")).toEqual([]);
    expect(await paths("HEAD")).toEqual([]);
  });

  test("committed, staged, changed, untracked; not ignored, not deleted", async () => {
    git("checkout", "-qb", "work");
    await put("compositional_skills/a/qna.yaml", skill("Committed"));
    commit("a");
    await put("compositional_skills/b/qna.yaml", skill("Staged"));
    git("add", "-A");
    await put("compositional_skills/é new/qna.yaml", skill("Untracked"));
    await put("compositional_skills/ignored/qna.yaml");
    await rm(join(root, "compositional_skills", "c"), { recursive: true });
    expect(await paths("main")).toEqual([
      "compositional_skills->a",
      "compositional_skills->b",
      "compositional_skills->é new",
    ]);
    expect(await paths("HEAD")).toEqual(["compositional_skills->b", "compositional_skills->é new"]);
  });

  test("a leaf changes with its held-out questions, attribution and documents, also when one is deleted", async () => {
    await rm(join(root, "compositional_skills/c/held_out.yaml"));
    await put("compositional_skills/a/attribution.txt", "x");
    await put("compositional_skills/d/papers/deep/two.md", "Two");
    await put("compositional_skills/unrelated.txt", "x");
    expect(await paths("main")).toEqual([
      "compositional_skills->a",
      "compositional_skills->c",
      "compositional_skills->d",
    ]);
  });

  test("a leaf below another one is its own", async () => {
    await put("compositional_skills/a/inner/qna.yaml");
    expect(await paths("main")).toEqual(["compositional_skills->a->inner"]);
  });

  test("a renamed leaf counts under its new name", async () => {
    git("mv", "compositional_skills/a", "compositional_skills/z");
    expect(await paths("main")).toEqual(["compositional_skills->z"]);
  });

  test("what the base did meanwhile is not a change of the branch, also after merging it", async () => {
    git("checkout", "-qb", "work");
    await put("compositional_skills/a/qna.yaml", skill("Mine"));
    commit("mine");
    git("checkout", "-q", "main");
    await put("compositional_skills/b/qna.yaml", skill("Theirs"));
    commit("theirs");
    git("checkout", "-q", "work");
    expect(await paths("main")).toEqual(["compositional_skills->a"]);
    git("merge", "-q", "--no-edit", "main");
    expect(await paths("main")).toEqual(["compositional_skills->a"]);
  });

  test("a remote branch, a tag and a commit", async () => {
    git("update-ref", "refs/remotes/origin/main", "HEAD");
    git("tag", "v1");
    const id = git("rev-parse", "HEAD").trim();
    await put("compositional_skills/a/qna.yaml", skill("New"));
    commit("new");
    for (const base of ["origin/main", "v1", id, id.slice(0, 10), "main~1", "HEAD^"])
      expect(await paths(base), base).toEqual(["compositional_skills->a"]);
  });

  test("a base that is not there, an option, a history of its own", async () => {
    for (const base of ["origin/main", "nowhere", "--help", "-x", "", "HEAD:compositional_skills"])
      await expect(paths(base), base).rejects.toMatchObject({ code: "TAXONOMY_BASE_NOT_FOUND" });
    git("checkout", "-q", "--orphan", "other");
    git("commit", "-qm", "unrelated");
    await expect(paths("main")).rejects.toMatchObject({ code: "TAXONOMY_BASE_UNRELATED" });
  });

  test("a taxonomy in a folder of a larger repository", async () => {
    await put("inner/compositional_skills/x/qna.yaml");
    await put("compositional_skills/a/qna.yaml", skill("Outside"));
    const { leaves } = await readTaxonomy(join(root, "inner"), { base: "main" });
    expect(leaves.map((leaf) => leaf.taxonomyPath)).toEqual(["compositional_skills->x"]);
    commit("inner");
    await put("inner/compositional_skills/x/qna.yaml", skill("Changed"));
    const again = await readTaxonomy(join(root, "inner"), { base: "HEAD" });
    expect(again.leaves.map((leaf) => leaf.taxonomyPath)).toEqual(["compositional_skills->x"]);
  });

  test("only the misspelt names that changed are told", async () => {
    await put("compositional_skills/a/qna.yml");
    commit("old");
    await put("compositional_skills/b/qna.yml");
    expect((await readTaxonomy(root, { base: "main" })).issues).toMatchObject([{ code: "wrong-file-name" }]);
  });
});

test("without a repository, git cannot tell changes; by default the whole folder counts", async () => {
  await put("compositional_skills/a/qna.yaml");
  await expect(paths("main")).rejects.toMatchObject({ code: "USAGE", hint: expect.stringContaining("empty") });
  expect(await chooseBase(root, { configured: "origin/main" })).toMatchObject({
    base: "empty",
    note: expect.any(String),
  });
  expect(await chooseBase(root, { configured: "origin/main", asked: "main" })).toEqual({ base: "main" });
  git("init", "-q");
  expect(await chooseBase(root, { configured: "origin/main" })).toMatchObject({
    base: "empty",
    note: expect.stringContaining("no 'origin/main'"),
  });
  git("-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "--allow-empty", "-m", "first");
  git("update-ref", "refs/remotes/origin/main", "HEAD");
  expect(await chooseBase(root, { configured: "origin/main" })).toEqual({ base: "origin/main" });
});

test.each(["examples/taxonomy", "bench/places/ilvaray", "bench/places/pellan_hare", "bench/places/tollmark_skylark"])(
  "%s is clean",
  async (path) => {
    const { leaves, issues } = await readTaxonomy(join(packageRoot, path));
    expect(issues).toEqual([]);
    const knowledge = leaves.filter(({ kind }) => kind === "knowledge");
    expect(knowledge).toHaveLength(1);
    expect(knowledge[0]?.heldOut).toHaveLength(16);
  },
);
