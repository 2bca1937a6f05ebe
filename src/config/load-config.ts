/** The configuration that holds now: the user's file, else the site's (`ILAB_GLOBAL_CONFIG`), else the defaults. */
import { createConfigSchema, type IlabConfig } from "./config-schema.ts";
import { findConfigFile } from "./find-config-file.ts";
import type { IlabPaths } from "./paths.ts";
import { readConfigFile } from "./read-config-file.ts";

/** `configFile` stands before `paths.configFile`, which already follows `--config`. Throws `CONFIG_INVALID`. */
export async function loadConfig(paths: IlabPaths, configFile: string = paths.configFile): Promise<IlabConfig> {
  const file = findConfigFile(configFile);
  return file === undefined ? createConfigSchema(paths).parse({}) : (await readConfigFile(file, paths)).config;
}
