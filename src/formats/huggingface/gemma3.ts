/** What llama.cpp's graph of Gemma 3 assumes and no file says (its src/models/gemma3.cpp). */

const LAYERS_OF_27B = 62;
/** Five layers that see a window, then one that sees all. */
const WINDOW_PERIOD = 6;

/** Queries are multiplied by the inverse square root of this. */
export function gemma3QueryScalar(layers: number, width: number, heads: number, headSize: number): number {
  return layers === LAYERS_OF_27B ? Math.floor(width / heads) : headSize;
}

export function isGemma3Local(layer: number): boolean {
  return layer % WINDOW_PERIOD < WINDOW_PERIOD - 1;
}
