/**
 * Every command of the program, in the order of the help text. To add one: write `commands/<group>/<verb>.ts` that exports
 * `register`, import it here, add one line. Command files import light things only; heavy ones load inside the action.
 */
import type { RegisterCommand } from "./command.ts";
import { register as configInit } from "./commands/config/init.ts";
import { register as configShow } from "./commands/config/show.ts";
import { register as dataChunks } from "./commands/data/chunks.ts";
import { register as dataGenerate } from "./commands/data/generate.ts";
import { register as dataList } from "./commands/data/list.ts";
import { register as dataMix } from "./commands/data/mix.ts";
import { register as dataRun } from "./commands/data/run.ts";
import { register as dataSelect } from "./commands/data/select.ts";
import { register as dataShow } from "./commands/data/show.ts";
import { register as demo } from "./commands/demo.ts";
import { register as modelChat } from "./commands/model/chat.ts";
import { register as modelConvert } from "./commands/model/convert.ts";
import { register as modelDownload } from "./commands/model/download.ts";
import { register as modelEvaluate } from "./commands/model/evaluate.ts";
import { register as modelList } from "./commands/model/list.ts";
import { register as modelRemove } from "./commands/model/remove.ts";
import { register as modelTrain } from "./commands/model/train.ts";
import { register as systemInfo } from "./commands/system/info.ts";
import { register as taxonomyDiff } from "./commands/taxonomy/diff.ts";
import { register as taxonomyFix } from "./commands/taxonomy/fix.ts";
import { register as taxonomyNew } from "./commands/taxonomy/new.ts";

export type GroupName = "config" | "data" | "model" | "system" | "taxonomy";

export const groupDescriptions: Record<GroupName, string> = {
  config: "Create and show the configuration file.",
  data: "Grow seed examples into training data.",
  model: "Download, train, convert, evaluate and talk to models.",
  system: "Show what this machine and this installation are.",
  taxonomy: "Check the examples and documents that you wrote.",
};

export interface CommandEntry {
  /** Absent: the command stands at the top level. */
  group?: GroupName;
  /** Also reachable at the top level under its own name: `ilab chat` is `ilab model chat`. */
  isTopLevelAlias?: boolean;
  register: RegisterCommand;
}

export const commandList: readonly CommandEntry[] = [
  { register: demo },
  { group: "config", register: configInit },
  { group: "config", register: configShow },
  { group: "data", register: dataChunks },
  { group: "data", register: dataGenerate, isTopLevelAlias: true },
  { group: "data", register: dataList },
  { group: "data", register: dataMix },
  { group: "data", register: dataRun },
  { group: "data", register: dataSelect },
  { group: "data", register: dataShow },
  { group: "model", register: modelChat, isTopLevelAlias: true },
  { group: "model", register: modelConvert },
  { group: "model", register: modelDownload },
  { group: "model", register: modelEvaluate },
  { group: "model", register: modelList },
  { group: "model", register: modelRemove },
  { group: "model", register: modelTrain, isTopLevelAlias: true },
  { group: "system", register: systemInfo },
  { group: "taxonomy", register: taxonomyDiff },
  { group: "taxonomy", register: taxonomyFix },
  { group: "taxonomy", register: taxonomyNew },
];
