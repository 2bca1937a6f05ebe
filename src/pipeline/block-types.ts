/** The block types that one pipeline may use: those of the registry, and those of the user's own files; makes blocks of them. */
import { isAbsolute, join } from "node:path";
import type { Block, BlockDefinition, BlockSettings } from "./block.ts";
import { loadBlockFile } from "./files/load-block-file.ts";
import { checkAgainst, didYouMean, pipelineError } from "./files/read-yaml-file.ts";
import { blockRegistry } from "./registry.ts";

export interface BlockTypes {
  /** Adds the types that a file defines. Throws `BAD_PIPELINE`. */
  addFile(path: string): Promise<void>;
  /** `place` of a path in the config, for errors. Throws `BAD_PIPELINE`. */
  create(type: string, config: unknown, name: string, place: (path: readonly PropertyKey[]) => string): Promise<Block>;
  /** Whether any of the blocks made so far may ask the teacher. */
  readonly ask: boolean;
  /** Every file that blocks were made from so far. */
  readonly files: ReadonlySet<string>;
}

/** @param directory the pipeline file's own; paths are relative to it. */
export function openBlockTypes(
  directory: string,
  settings: Pick<BlockSettings, "scaleFactor" | "modelFamily" | "maxTokens">,
): BlockTypes {
  const types: Record<string, BlockDefinition> = { ...blockRegistry };
  const files = new Set<string>();
  let ask = false;
  const add = async (path: string, asType?: string): Promise<void> => {
    const file = isAbsolute(path) ? path : join(directory, path);
    files.add(file);
    for (const definition of await loadBlockFile(file)) types[asType ?? definition.type] = definition;
  };
  const create: BlockTypes["create"] = async (type, config, name, place) => {
    // `type: ./my-block.mjs`
    if (/\.[cm]?js$/.test(type) && !Object.hasOwn(types, type)) await add(type, type);
    const definition = Object.hasOwn(types, type) ? types[type] : undefined;
    if (!definition) {
      const known = Object.keys(types);
      throw pipelineError(
        `unknown type '${type}'${didYouMean(type, known)}`,
        `Known block types: ${known.join(", ")}. Blocks of your own are JavaScript files, see docs/pipeline.md: type: ./file.mjs, block_files or --block-files; those written in Python cannot be loaded.`,
      );
    }
    ask ||= definition.asks === true;
    return await definition.create(checkAgainst(place, config, definition.configSchema), directory, {
      ...settings,
      name,
      createBlock: (inner, innerConfig) => create(inner, innerConfig, name, place),
      noteFile: (file) => files.add(file),
    });
  };
  return {
    addFile: (path) => add(path),
    create,
    get ask() {
      return ask;
    },
    files,
  };
}
