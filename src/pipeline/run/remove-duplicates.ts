/** Rows that say what a row before them says, in whatever leaf: dropped, each with its reason. */
import type { GeneratedLeaf, Row } from "../../artifacts.ts";
import { cellText } from "../block.ts";
import { createDropCounter } from "./drop-counter.ts";
import { createNearDuplicateIndex } from "./near-duplicates.ts";

/** Name under which the drops are counted, where those of a pipeline name their block. */
const STEP = "duplicates";
/** Rewordings that a pipeline makes on purpose lie far below. */
const SIMILARITY = 0.9;

export function removeDuplicates(leaves: readonly GeneratedLeaf[]): GeneratedLeaf[] {
  const exact = new Map<string, string>();
  const near = createNearDuplicateIndex(SIMILARITY);
  const origins: string[] = [];
  return leaves.map((made) => {
    const drops = createDropCounter([STEP]);
    const name = made.leaf.taxonomyPath;
    const generated = made.generated.filter((row) => {
      const parts = rowTexts(row);
      if (parts === undefined) return true;
      const key = JSON.stringify(parts);
      const equal = exact.get(key);
      if (equal !== undefined) {
        drops.add(STEP, row, `equal to a row of ${equal}`);
        return false;
      }
      exact.set(key, name);
      origins.push(name);
      const alike = near.findOrAdd(...parts);
      if (alike === undefined) return true;
      drops.add(STEP, row, `nearly equal to a row of ${origins[alike]}`);
      return false;
    });
    return { ...made, generated, drops: [...made.drops, ...drops.records()] };
  });
}

/** What a student would learn from the row; undefined where that is not a question and an answer. */
function rowTexts(row: Row): string[] | undefined {
  const texts = ["context", "question", "response", "output"].map((column) => cellText(row, column));
  return texts[1] === "" && texts[3] === "" ? undefined : texts;
}
