/** `npm run bench -- NAME ...`: runs bench/NAME.ts; without a name, or with an unknown one, lists what there is. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "./ensure.mjs";

const [name, ...rest] = process.argv.slice(2);
const directory = join(root, "bench");
const names = (existsSync(directory) ? readdirSync(directory) : [])
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.slice(0, -".ts".length))
  .sort();

if (name === undefined || !names.includes(name)) {
  console.error(name === undefined ? "Which benchmark?" : `There is no benchmark '${name}'.`);
  console.error(names.length === 0 ? "There are none yet." : `There are: ${names.join(", ")}`);
  process.exitCode = 2;
} else {
  const runner = join(root, "node_modules", "tsx", "dist", "cli.mjs");
  const result = spawnSync(process.execPath, [runner, join(directory, `${name}.ts`), ...rest], {
    cwd: root,
    stdio: "inherit",
  });
  process.exitCode = result.status ?? 1;
}
