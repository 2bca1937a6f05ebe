/**
 * The two vector instruction sets that the kernels are written for. A kernel's text is the same for both wherever it can be: registers and lanes are
 * counted from here, and the assembler encodes for the set that it was made for.
 */

export interface VectorSet {
  name: "avx512" | "avx2";
  /** 32-bit lanes and bytes of a vector register. */
  lanes: number;
  vectorBytes: number;
  /**
   * A tile of results kept in registers: rows (in vectors), by `TILE_COLUMNS`. Its sums are the first registers, then one register for each vector of
   * the left operand, then one for a value of the right operand in every lane.
   */
  tileVectors: number;
  tileRows: number;
  leftRegister: number;
  rightRegister: number;
}

export const TILE_COLUMNS = 6;

/** With BF16, as on Zen 4 and 5, and Cooper Lake and Sapphire Rapids: 32 registers of 512 bits. */
export const AVX512: VectorSet = vectorSet("avx512", 16, 4);

/** With FMA and F16C, as on Zen 1 to 3 and Intel since Haswell: 16 registers of 256 bits. */
export const AVX2: VectorSet = vectorSet("avx2", 8, 2);

function vectorSet(name: VectorSet["name"], lanes: number, tileVectors: number): VectorSet {
  const leftRegister = tileVectors * TILE_COLUMNS;
  return {
    name,
    lanes,
    vectorBytes: lanes * 4,
    tileVectors,
    tileRows: lanes * tileVectors,
    leftRegister,
    rightRegister: leftRegister + tileVectors,
  };
}
