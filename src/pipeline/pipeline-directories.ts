/** Where pipelines are found by name: this program's data directory, then upstream's place in the user's and the system's XDG data directories. */
import { delimiter, dirname, isAbsolute, join } from "node:path";
import { ilabPaths } from "../config/paths.ts";

export function pipelineDirectories(env: NodeJS.ProcessEnv = process.env): string[] {
  const { data } = ilabPaths(env);
  const system = (env["XDG_DATA_DIRS"] || "/usr/local/share:/usr/share")
    .split(delimiter)
    .filter((path) => isAbsolute(path));
  const homes = [dirname(data), ...system];
  return [join(data, "pipelines"), ...homes.map((home) => join(home, "instructlab", "sdg", "pipelines"))];
}
