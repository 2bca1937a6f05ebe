/**
 * llama.cpp's importance matrix (`llama-imatrix`, GGUF form): how much each input of each weight matters, as the mean of its squares.
 * Quantising to less than three bits is hopeless without one.
 */
import { rowsToFloats } from "../tensor/convert-rows.ts";
import { IlabError } from "../util/errors.ts";
import { openGgufWeights } from "./gguf/open-gguf-weights.ts";
import { metadataString } from "./gguf/types.ts";
import { rowCount, type WeightTensor } from "./model-weights.ts";

export interface ImportanceEntry {
  /** `blk.0.attn_q.weight` */
  name: string;
  /** One value per input. */
  values: Float32Array;
}

/** Throws `IMPORTANCE_MATRIX_INVALID` and what `readGguf` throws. */
export async function readImportanceMatrix(path: string): Promise<ImportanceEntry[]> {
  await using file = await openGgufWeights(path);
  const invalid = (problem: string) =>
    new IlabError({
      code: "IMPORTANCE_MATRIX_INVALID",
      message: `${path} is not a usable importance matrix: ${problem}`,
      hint: "Give a GGUF file that llama-imatrix wrote for this model.",
    });
  if (metadataString(file, "general.type") !== "imatrix") throw invalid("it does not say that it is one");
  const tensors = new Map(file.tensors.map((tensor) => [tensor.name, tensor]));
  const entries: ImportanceEntry[] = [];
  for (const [name, sums] of tensors) {
    if (!name.endsWith(".in_sum2")) continue;
    const weight = name.slice(0, -".in_sum2".length);
    const counts = tensors.get(`${weight}.counts`);
    if (counts === undefined) throw invalid(`'${weight}' has sums and no counts`);
    const [values, divisors] = [await readAll(sums), await readAll(counts)];
    if (values.length % divisors.length !== 0) throw invalid(`the counts of '${weight}' do not fit its sums`);
    const perCount = values.length / divisors.length;
    // What never occurred counts as much as anything else.
    const means = values.map((sum, i) => {
      const count = divisors[Math.floor(i / perCount)]!;
      return count > 0 ? sum / count : 1;
    });
    if (!means.every(Number.isFinite)) throw invalid(`'${weight}' holds values that are not finite`);
    entries.push({ name: weight, values: means });
  }
  if (entries.length === 0) throw invalid("it holds no sums");
  return entries;
}

async function readAll(tensor: WeightTensor): Promise<Float32Array> {
  const rows = rowCount(tensor);
  return rowsToFloats(tensor.type, await tensor.rows(0, rows), rows * tensor.shape[0]!);
}
