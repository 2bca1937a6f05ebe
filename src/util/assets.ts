/** Where the package's own files lie: `assets/` and `examples/`, beside `src/` in a checkout and beside `dist/` when installed. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Root of the package: two levels above this file, in `src/` as in `dist/`. */
export const packageRoot: string = fileURLToPath(new URL("../..", import.meta.url));

export function assetPath(...parts: string[]): string {
  return join(packageRoot, "assets", ...parts);
}

export const ilabVersion: string = (
  JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as { version: string }
).version;
