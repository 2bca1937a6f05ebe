/**
 * The libraries of ggml's GPU backends, which arrive in packages beside the one with the CPU's. They share the base library that is
 * open already, so they must come from the very same build.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import koffi from "koffi";
import { IlabError } from "../util/errors.ts";
import { DEVICE_KINDS, type DeviceKind } from "./device-choices.ts";
import { type Ggml, openGgml, type Pointer } from "./ggml.ts";
import { libraryDirectory, packageDirectory } from "./library.ts";

/** Package and folder inside it, in the order in which they are tried: CUDA's second one is for an older CUDA. */
const DEVICE_PACKAGES: Record<string, Partial<Record<DeviceKind, readonly [name: string, folder: string][]>>> = {
  "linux-x64": {
    cuda: [
      ["linux-x64-cuda", "linux-x64-cuda"],
      ["linux-x64-cuda-ext", "linux-x64-cuda/fallback"],
    ],
    vulkan: [["linux-x64-vulkan", "linux-x64-vulkan"]],
  },
  "win32-x64": {
    cuda: [
      ["win-x64-cuda", "win-x64-cuda"],
      ["win-x64-cuda-ext", "win-x64-cuda/fallback"],
    ],
    vulkan: [["win-x64-vulkan", "win-x64-vulkan"]],
  },
  "darwin-arm64": { metal: [["mac-arm64-metal", "mac-arm64-metal"]] },
};

/**
 * These variables keep ggml's Vulkan products from rounding their operands to half precision, which loses gradients below 6e-8 and digits of all
 * below 6e-5.
 */
const ROUNDING_VULKAN = ["GGML_VK_DISABLE_F16", "GGML_VK_DISABLE_COOPMAT", "GGML_VK_DISABLE_COOPMAT2"];

/** What a platform can have at all. */
export function deviceKindsHere(): DeviceKind[] {
  const packages = DEVICE_PACKAGES[`${process.platform}-${process.arch}`] ?? {};
  return DEVICE_KINDS.filter((kind) => packages[kind] !== undefined);
}

const registries = new Map<DeviceKind, Pointer>();

/** ggml's registry of the devices of one kind, opened once per process. @throws DEVICE_UNAVAILABLE with the reason. */
export function openDeviceRegistry(kind: DeviceKind): Pointer {
  const known = registries.get(kind);
  if (known !== undefined) return known;
  const packages = DEVICE_PACKAGES[`${process.platform}-${process.arch}`]?.[kind];
  if (packages === undefined)
    throw deviceUnavailable(kind, `there are no libraries for it on ${process.platform}-${process.arch}`);
  const reasons: string[] = [];
  for (const [name, folder] of packages) {
    const directory = packageDirectory(name);
    if (directory === undefined) {
      reasons.push(`the package @node-llama-cpp/${name} is not installed`);
      continue;
    }
    const registry = openRegistry(kind, directory, join(directory, "bins", folder));
    if (typeof registry === "bigint") {
      registries.set(kind, registry);
      return registry;
    }
    reasons.push(registry);
  }
  throw deviceUnavailable(kind, reasons.join("; "));
}

/** The registry, or why there is none. */
function openRegistry(kind: DeviceKind, packageRoot: string, folder: string): Pointer | string {
  const pattern = new RegExp(`^(lib)?ggml-${kind}\\.(so|dylib|dll)$`);
  const file = existsSync(folder) ? readdirSync(folder).find((name) => pattern.test(name)) : undefined;
  if (file === undefined) return `there is no ggml-${kind} library in ${folder}`;
  const ggml = openGgml();
  const [own, base] = [packageRoot, join(libraryDirectory(), "..", "..")].map(versionOf);
  if (own !== base) return `its library is of version ${own}, but ggml's base library of version ${base}`;
  const log = captureLog(ggml);
  if (kind === "vulkan") for (const name of ROUNDING_VULKAN) process.env[name] ??= "1";
  try {
    const library = koffi.load(join(folder, file));
    const registry = library.func("void *ggml_backend_init()")() as Pointer | null;
    if (registry === null || registry === 0n) return log.text("its library found no driver");
    // The registry's first member is the version of the interface between ggml's libraries.
    const [own, base] = [registry, ggml.cpuRegistry()].map((entry) => new Int32Array(koffi.view(entry, 4))[0]);
    if (own !== base) return `its library has interface ${own}, but ggml's base library interface ${base}`;
    // Counting makes the library look for devices, which it writes about.
    return Number(ggml.registryDeviceCount(registry)) > 0 ? registry : log.text("no such device was found");
  } catch (error) {
    return (error as Error).message;
  } finally {
    log.end();
  }
}

function versionOf(packageRoot: string): string {
  return (JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as { version: string }).version;
}

/** Keeps what ggml logs from standard error until `end`. */
export function captureLog(ggml: Ggml): { text: (otherwise: string) => string; end: () => void } {
  const lines: string[] = [];
  const prototype = koffi.pointer(koffi.proto("void (int level, const char *text, void *data)"));
  const callback = koffi.register((_level: number, text: string) => {
    lines.push(text.trim());
  }, prototype);
  ggml.logSet(callback, null);
  return {
    text: (otherwise) => [otherwise, ...lines.filter((line) => line !== "")].join(": "),
    end: () => {
      ggml.logSet(null, null);
      koffi.unregister(callback);
    },
  };
}

export function deviceUnavailable(kind: string, reason: string): IlabError {
  return new IlabError({
    code: "DEVICE_UNAVAILABLE",
    message: `there is no ${kind} device to train on: ${reason}`,
    hint: "`ilab system info` lists the devices that were found; --device cpu trains on the processor.",
  });
}
