/** Where an entry of a `qna.yaml` stands, for findings that come from elsewhere, such as documents that cannot be fetched. */
import { parseYaml } from "./parse-yaml.ts";
import { fileStart, type Position, type YamlPath } from "./problem.ts";
import { readText } from "./read-text.ts";

/** The start of the file when the entry or the file is not there. */
export async function locateInLeaf(file: string, path: YamlPath): Promise<Position> {
  const read = await readText(file);
  if ("problem" in read) return fileStart;
  return parseYaml(read.text).yaml?.locate(path, "key") ?? fileStart;
}
