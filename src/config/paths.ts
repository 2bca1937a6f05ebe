/** Upstream's XDG places on Linux and macOS: config, models, taxonomy, datasets, checkpoints, chat logs, internal data. */
import { homedir } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";

export interface IlabPaths {
  /** `config.yaml` */
  configFile: string;
  models: string;
  cache: string;
  data: string;
  /** `data`, then the machine's own (XDG_DATA_DIRS), best first: pipelines and recipes that a site provides. */
  dataDirectories: string[];
  taxonomy: string;
  datasets: string;
  checkpoints: string;
  chatLogs: string;
  internal: string;
  /** Our own: evaluation results and demo runs. */
  evaluations: string;
  demo: string;
}

/** The XDG specification says that relative values are to be ignored. */
function base(value: string | undefined, fallback: string): string {
  return value !== undefined && isAbsolute(value) ? value : fallback;
}

export function ilabPaths(env: NodeJS.ProcessEnv = process.env): IlabPaths {
  const home = env["HOME"] ?? homedir();
  const config = join(base(env["XDG_CONFIG_HOME"], join(home, ".config")), "instructlab");
  const cache = join(base(env["XDG_CACHE_HOME"], join(home, ".cache")), "instructlab");
  const data = join(base(env["XDG_DATA_HOME"], join(home, ".local", "share")), "instructlab");
  const site = (env["XDG_DATA_DIRS"] || "/usr/local/share:/usr/share").split(delimiter).filter(isAbsolute);
  return {
    dataDirectories: [data, ...site.map((directory) => join(directory, "instructlab"))],
    configFile: join(config, "config.yaml"),
    cache,
    models: join(cache, "models"),
    data,
    taxonomy: join(data, "taxonomy"),
    datasets: join(data, "datasets"),
    checkpoints: join(data, "checkpoints"),
    chatLogs: join(data, "chatlogs"),
    internal: join(data, "internal"),
    evaluations: join(data, "internal", "eval_data"),
    demo: join(data, "demo"),
  };
}
