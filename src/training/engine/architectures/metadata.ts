/** An architecture's metadata with its checks: a value that is missing, not a number or out of bounds is refused by name. */
import { type GgufFile, type GgufScalar, ggufError } from "../../../formats/gguf/types.ts";
import { IlabError } from "../../../util/errors.ts";
import type { ModuleName } from "../lora-layout.ts";

/** Sizes end up in 32-bit arguments of ggml; real ones stay far below. */
const LARGEST_INTEGER = 2 ** 31 - 1;

export class ArchitectureMetadata {
  readonly file: GgufFile;
  readonly architecture: string;

  constructor(file: GgufFile, architecture: string) {
    this.file = file;
    this.architecture = architecture;
  }

  /** A whole number within bounds; `fallback` when the file does not say. An array of one repeated number counts as that number. */
  integer(key: string, fallback?: number, largest = LARGEST_INTEGER, smallest = 1): number {
    const value = this.#number(key) ?? fallback;
    if (value === undefined) throw this.invalid(`the metadata value ${this.#name(key)} is missing`);
    if (!Number.isInteger(value) || value < smallest || value > largest)
      throw this.invalid(
        `the metadata value ${this.#name(key)} is ${value}, a whole number from ${smallest} to ${largest} is needed`,
      );
    return value;
  }

  /** A finite positive number. */
  positive(key: string, fallback?: number): number {
    const value = this.#number(key) ?? fallback;
    if (value === undefined) throw this.invalid(`the metadata value ${this.#name(key)} is missing`);
    if (!(value > 0) || !Number.isFinite(value))
      throw this.invalid(`the metadata value ${this.#name(key)} is ${value}, a positive number is needed`);
    return value;
  }

  /** As `positive`; undefined when the file does not say, or says 0, which is llama.cpp's "none". */
  optionalPositive(key: string): number | undefined {
    const value = this.#number(key);
    return value === undefined || value === 0 ? undefined : this.positive(key);
  }

  text(key: string): string | undefined {
    const value = this.#scalar(key);
    if (value !== undefined && typeof value !== "string")
      throw this.invalid(`the metadata value ${this.#name(key)} is not a text`);
    return value;
  }

  flag(key: string): boolean | undefined {
    const value = this.#scalar(key);
    if (value !== undefined && typeof value !== "boolean")
      throw this.invalid(`the metadata value ${this.#name(key)} is neither true nor false`);
    return value;
  }

  /** One flag per layer; undefined when the value is no array. */
  flags(key: string, length: number): boolean[] | undefined {
    const entry = this.file.metadata.get(this.#name(key));
    if (entry?.type !== "array") return undefined;
    if (entry.value.length !== length)
      throw this.invalid(
        `the metadata value ${this.#name(key)} has ${entry.value.length} entries for ${length} layers`,
      );
    return entry.value.map((value) => Boolean(Number(value)));
  }

  hasTensor(name: string): boolean {
    return this.file.tensors.has(name);
  }

  /** Those of `modules` that have a bias in the first layer; all layers must then have it. */
  biases(modules: readonly ModuleName[]): Set<ModuleName> {
    return new Set(modules.filter((module) => this.hasTensor(`blk.0.${module}.bias`)));
  }

  invalid(problem: string): IlabError {
    return ggufError(this.file.path, problem);
  }

  unsupported(what: string, hint: string): IlabError {
    return new IlabError({
      code: "ARCHITECTURE_UNSUPPORTED",
      message: `the model ${this.file.path} ${what}, which the training engine does not support`,
      hint,
    });
  }

  #name(key: string): string {
    return `${this.architecture}.${key}`;
  }

  #scalar(key: string): GgufScalar | undefined {
    const entry = this.file.metadata.get(this.#name(key));
    if (entry?.type !== "array") return entry?.value;
    const [first] = entry.value;
    if (first === undefined || entry.value.some((value) => value !== first))
      throw this.unsupported(
        `has a different ${this.#name(key)} in every layer`,
        "Models whose layers are all of one size can be trained.",
      );
    return first;
  }

  #number(key: string): number | undefined {
    const value = this.#scalar(key);
    if (value === undefined) return undefined;
    if (typeof value !== "number" && typeof value !== "bigint")
      throw this.invalid(`the metadata value ${this.#name(key)} is not a number`);
    return Number(value);
  }
}
