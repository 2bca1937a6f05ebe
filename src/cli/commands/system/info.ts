/** `ilab system info`: what this machine and this installation are, for bug reports and for choosing settings. */
import { existsSync, readFileSync } from "node:fs";
import { arch, availableParallelism, cpus, freemem, platform, release, totalmem, version } from "node:os";
import { assetPath, ilabVersion, packageRoot } from "../../../util/assets.ts";
import type { CommandContext, RegisterCommand } from "../../command.ts";
import { examples } from "../../examples.ts";
import { formatBytes } from "../../reporters/format.ts";

export const register: RegisterCommand = (group, bind) => {
  group
    .command("info")
    .description("Show the machine, the installation and the directories in use.")
    .addHelpText("after", examples("ilab system info", "ilab system info --json"))
    .action(bind(showInfo));
};

async function showInfo({ reporter, paths }: CommandContext): Promise<void> {
  const devices = await describeDevices();
  const sections: Record<string, Record<string, string>> = {
    Platform: {
      "platform.system": platform(),
      "platform.release": release(),
      "platform.version": version(),
      "platform.machine": arch(),
      "cpu.model": cpus()[0]?.model.trim() ?? "unknown",
      "cpu.cores": String(availableParallelism()),
      "memory.total": formatBytes(totalmem()),
      "memory.free": formatBytes(freemem()),
    },
    InstructLab: {
      "ilab.version": ilabVersion,
      "node.version": process.version,
      "node-llama-cpp.version": dependencyVersion("node-llama-cpp"),
      "koffi.version": dependencyVersion("koffi"),
    },
    "Devices for training": devices,
    Directories: {
      "paths.config": paths.configFile,
      "paths.models": paths.models,
      "paths.datasets": paths.datasets,
      "paths.checkpoints": paths.checkpoints,
      "paths.evaluations": paths.evaluations,
      "paths.assets": assetPath(),
    },
  };
  for (const [title, values] of Object.entries(sections)) {
    reporter.print(`${title}:`);
    for (const [key, value] of Object.entries(values)) reporter.print(`  ${key}: ${value}`);
  }
  reporter.result(Object.assign({}, ...Object.values(sections)));
}

/** What `ilab model train --device` can choose from, and why the rest is missing. */
async function describeDevices(): Promise<Record<string, string>> {
  const { findDevices } = await import("../../../tensor/devices.ts");
  const { devices, missing } = findDevices();
  return Object.fromEntries([
    ["device.cpu", cpus()[0]?.model.trim() ?? "unknown"],
    ...devices.map(({ kind, name, description, freeBytes, totalBytes }) => [
      `device.${kind}.${name}`,
      `${description}, ${formatBytes(freeBytes)} free of ${formatBytes(totalBytes)}`,
    ]),
    ...Object.entries(missing).map(([kind, reason]) => [`device.${kind}`, reason]),
  ]);
}

function dependencyVersion(name: string): string {
  // Nested below this package, or beside it when it was installed as a dependency.
  for (const root of [`${packageRoot}node_modules`, `${packageRoot}..`]) {
    const file = `${root}/${name}/package.json`;
    if (existsSync(file)) return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
  }
  return "not installed";
}
