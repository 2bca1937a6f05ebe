/**
 * Finds and opens ggml's shared libraries, which arrive inside node-llama-cpp's platform packages, and picks the CPU variant that
 * this processor runs best. The ABI is private to the exact package version, so it is checked before anything is called.
 */
import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import koffi, { type LibraryHandle } from "koffi";
import { IlabError } from "../util/errors.ts";

export interface GgmlLibraries {
  base: LibraryHandle;
  cpu: LibraryHandle;
  /** Name of the CPU variant, such as `zen4`. */
  cpuVariant: string;
}

/** Platform package and its binary folder by `platform-arch`. */
const PLATFORM_PACKAGES: Record<string, string> = {
  "linux-x64": "linux-x64",
  "linux-arm64": "linux-arm64",
  "darwin-arm64": "mac-arm64-metal",
  "darwin-x64": "mac-x64",
  "win32-x64": "win-x64",
  "win32-arm64": "win-arm64",
};

/** `sizeof(struct ggml_tensor) + sizeof(struct ggml_object)` in the version these bindings were written for. */
const EXPECTED_TENSOR_OVERHEAD = 368;
const EXPECTED_TYPE_NAMES: Record<number, string> = {
  0: "f32",
  1: "f16",
  2: "q4_0",
  8: "q8_0",
  12: "q4_K",
  14: "q6_K",
  30: "bf16",
};

function unavailable(message: string, cause?: unknown): IlabError {
  return new IlabError({
    code: "ENGINE_UNAVAILABLE",
    message: `the training engine cannot start: ${message}`,
    hint: "Run `npm ci` in the project, or reinstall ilab, on a supported platform (Linux, macOS or Windows on x64 or arm64).",
    cause,
  });
}

/** Folder of the shared libraries, llama.cpp's own among them. */
export function libraryDirectory(): string {
  const platform = `${process.platform}-${process.arch}`;
  const name = PLATFORM_PACKAGES[platform];
  if (name === undefined) throw unavailable(`there are no ggml libraries for ${platform}`);
  const directory = packageDirectory(name);
  if (directory === undefined) throw unavailable(`the package @node-llama-cpp/${name} is not installed`);
  return join(directory, "bins", name);
}

/** Where one of node-llama-cpp's platform packages lies; undefined: it is not installed. */
export function packageDirectory(name: string): string | undefined {
  const require = createRequire(import.meta.url);
  try {
    const fromLlama = createRequire(require.resolve("node-llama-cpp"));
    return join(fromLlama.resolve(`@node-llama-cpp/${name}`), "..", "..");
  } catch {
    return undefined;
  }
}

let opened: GgmlLibraries | undefined;

/** Opens the libraries once per process. */
export function openGgmlLibraries(): GgmlLibraries {
  if (opened !== undefined) return opened;
  const directory = libraryDirectory();
  if (!existsSync(directory)) throw unavailable(`${directory} does not exist`);
  const files = readdirSync(directory);
  const find = (pattern: RegExp) => files.filter((file) => pattern.test(file)).map((file) => join(directory, file));
  const basePath = find(/^(lib)?ggml-base(\.v[\d.]+)?\.(so|dylib|dll)$/)[0];
  if (basePath === undefined) throw unavailable(`no ggml-base library in ${directory}`);
  try {
    const base = koffi.load(basePath, { global: true });
    let best: { library: LibraryHandle; score: number; variant: string } | undefined;
    for (const path of find(/^(lib)?ggml-cpu(-\w+)?\.(so|dylib|dll)$/)) {
      const library = koffi.load(path);
      const score = library.func("int ggml_backend_score()")() as number;
      const variant = /ggml-cpu-?(\w*)\./.exec(path)?.[1] ?? "";
      if (score > 0 && (best === undefined || score > best.score)) best = { library, score, variant };
      else library.unload();
    }
    if (best === undefined) throw unavailable(`no CPU library in ${directory} suits this processor`);
    checkAbi(base);
    opened = { base, cpu: best.library, cpuVariant: best.variant };
    return opened;
  } catch (cause) {
    throw cause instanceof IlabError ? cause : unavailable((cause as Error).message, cause);
  }
}

function checkAbi(base: LibraryHandle): void {
  const overhead = Number(base.func("size_t ggml_tensor_overhead()")());
  const typeName = base.func("const char *ggml_type_name(int type)");
  const wrongType = Object.entries(EXPECTED_TYPE_NAMES).find(([id, name]) => typeName(Number(id)) !== name);
  if (overhead !== EXPECTED_TENSOR_OVERHEAD || wrongType !== undefined)
    throw unavailable(
      `ggml's layout is not the one these bindings were written for (tensor overhead ${overhead}, expected ${EXPECTED_TENSOR_OVERHEAD})`,
    );
}
