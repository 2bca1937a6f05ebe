/**
 * Makes a checkout ready to run: installs packages with `npm ci` when they are missing or not those of the lockfile, builds `dist/`
 * when a source changed, and links `npx ilab`. Says nothing when there is nothing to do. Plain JavaScript without packages, because
 * it runs before any are there.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const inRoot = (...parts) => join(root, ...parts);
const buildDirectory = inRoot("dist");
const stampFile = inRoot("dist", ".stamp");

/** Returns undefined when all is well, otherwise what went wrong (already printed). */
export function ensure() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`This needs Node 20.19 or newer; this is ${process.versions.node}.`);
    return "Node is too old";
  }
  if (!isInstalled() && !install()) return "npm ci failed";
  const stamp = sourceStamp();
  let failure;
  if (!existsSync(stampFile) || readFileSync(stampFile, "utf8") !== stamp) failure = build(stamp);
  if (existsSync(inRoot("dist", "cli", "main.js"))) linkProgram();
  return failure;
}

/** npm keeps a list of what it installed; it must agree with the lockfile, packages for other platforms aside. */
function isInstalled() {
  const hidden = inRoot("node_modules", ".package-lock.json");
  if (!existsSync(hidden)) return false;
  const wanted = JSON.parse(readFileSync(inRoot("package-lock.json"), "utf8")).packages;
  const present = JSON.parse(readFileSync(hidden, "utf8")).packages;
  for (const [path, { version, optional, devOptional }] of Object.entries(wanted)) {
    if (path === "") continue;
    if (present[path] === undefined) {
      if (!optional && !devOptional) return false;
    } else if (present[path].version !== version || !existsSync(inRoot(path))) return false;
  }
  return Object.keys(present).every((path) => wanted[path] !== undefined);
}

function install() {
  console.error("Installing packages (npm ci) ...");
  // The npm that runs this script where there is one, else the one on the PATH. Development packages
  // hold the compiler; no package needs its install script, and one would try to build what is there already.
  const npm = process.env.npm_execpath;
  const argumentList = ["ci", "--ignore-scripts", "--include=dev", "--no-audit", "--no-fund"];
  const result =
    npm?.endsWith(".js") === true
      ? run(process.execPath, [npm, ...argumentList])
      : run(process.platform === "win32" ? "npm.cmd" : "npm", argumentList);
  if (result.status !== 0) console.error(`${result.output}\nnpm ci failed; see above.`);
  return result.status === 0;
}

/** Built aside and swapped in, so that a program that runs from `dist/` never sees half of it. */
function build(stamp) {
  console.error("Building (tsc) ...");
  const fresh = inRoot(`dist.new-${process.pid}`);
  rmSync(fresh, { recursive: true, force: true });
  const compiler = inRoot("node_modules", "typescript", "bin", "tsc");
  const result = run(process.execPath, [compiler, "-p", "tsconfig.build.json", "--outDir", fresh]);
  if (result.status !== 0) {
    console.error(`${result.output}\nThe build failed; see above.`);
    rmSync(fresh, { recursive: true, force: true });
    return "the build failed";
  }
  writeFileSync(join(fresh, ".stamp"), stamp);
  const old = inRoot(`dist.old-${process.pid}`);
  if (existsSync(buildDirectory)) renameSync(buildDirectory, old);
  renameSync(fresh, buildDirectory);
  rmSync(old, { recursive: true, force: true });
  return undefined;
}

/** Changes whenever a source file or a compiler setting does. */
function sourceStamp() {
  const hash = createHash("sha256");
  const settings = ["tsconfig.json", "tsconfig.build.json", "package.json", "package-lock.json"].map((name) =>
    inRoot(name),
  );
  const sources = readdirSync(inRoot("src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !entry.name.endsWith(".test.ts"))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  for (const file of [...settings, ...sources.sort()]) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${file}\0${size}\0${mtimeMs}\n`);
  }
  return hash.digest("hex");
}

/** npm links the programs of dependencies, not the package's own: `npx ilab` in the checkout needs this. */
function linkProgram() {
  chmodSync(inRoot("dist", "cli", "main.js"), 0o755);
  const directory = inRoot("node_modules", ".bin");
  mkdirSync(directory, { recursive: true });
  if (process.platform === "win32") {
    writeFileSync(join(directory, "ilab.cmd"), '@node "%~dp0\\..\\..\\dist\\cli\\main.js" %*\r\n');
    return;
  }
  const link = join(directory, "ilab");
  if (existsSync(link)) return;
  rmSync(link, { force: true });
  symlinkSync(join("..", "..", "dist", "cli", "main.js"), link);
}

function run(program, argumentList) {
  const result = spawnSync(program, argumentList, { cwd: root, encoding: "utf8", maxBuffer: 1 << 28 });
  return {
    status: result.status ?? 1,
    output: `${result.stdout ?? ""}${result.stderr ?? ""}${result.error ?? ""}`.trim(),
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) process.exitCode = ensure() === undefined ? 0 : 1;
