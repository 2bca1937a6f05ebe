/** The default model of the user's own store, for tests in test/model/; `npm test` puts it there or leaves those tests out. */
import { ilabPaths } from "../../src/config/paths.ts";
import { DEFAULT_MODEL_NAME } from "../../src/models/catalog.ts";
import { resolveModel } from "../../src/models/resolve-model.ts";

export function defaultModelFile(): Promise<string> {
  return resolveModel(DEFAULT_MODEL_NAME, { directory: ilabPaths().models });
}
