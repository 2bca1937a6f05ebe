/** The same sample has the same id in every run; written as a UUID because upstream's readers expect one. */
import { sha256 } from "../util/hash.ts";

export function sampleId(...content: unknown[]): string {
  const hex = sha256(JSON.stringify(content));
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
}
