/** How many weights a GGUF file holds, from its header. */
import { readGguf } from "./read-gguf.ts";

export async function countParameters(file: string): Promise<number> {
  const { tensors } = await readGguf(file);
  return [...tensors.values()].reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
}
