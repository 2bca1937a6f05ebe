/** Which configuration file is in force; light, because every command asks. */
import { existsSync } from "node:fs";

/** The file that is in force: the given one where it exists, else the site's, else none. */
export function findConfigFile(configFile: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (existsSync(configFile)) return configFile;
  return env["ILAB_GLOBAL_CONFIG"] || undefined;
}
