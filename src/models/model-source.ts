/** The seam between the store and the places that have model files. Every implementation passes `test/helpers/model-source-conformance.ts`. */
import type { Work } from "../util/events.ts";

export interface ResolvedSource {
  /** Where the bytes come from, for people; without secrets. */
  location: string;
  /** Known only where asking is cheap. */
  sizeBytes?: number;
}

export interface FetchRequest {
  /**
   * File to write: the whole model when the work ends. What an earlier try left there (and in files that start with the same
   * name) is continued where the source can, and replaced otherwise.
   */
  partFile: string;
  /** For progress, where the source itself does not know it. */
  expectedBytes?: number;
  signal?: AbortSignal;
}

export interface ModelSource {
  /** As written: `hf:owner/repo/model.gguf`. */
  readonly address: string;
  /** Name that the file has there. */
  readonly fileName: string;
  /** Whether this source can be used here at all. Throws an `IlabError` with the reason. */
  resolve(signal?: AbortSignal): Promise<ResolvedSource>;
  /** Brings the file to `partFile`, as steps counted in bytes. Checks nothing about the content: the store does. */
  fetch(request: FetchRequest): Work<void>;
}

export interface SourceEnvironment {
  env: NodeJS.ProcessEnv;
}

/** Name of the step that every source begins with. */
export const DOWNLOAD_STEP = "download";

/** Seconds since a `performance.now()`, for `step-end`. */
export const secondsSince = (start: number): number => (performance.now() - start) / 1000;
