/** Where reporters write, and what `main.ts` needs of one beyond the `Reporter` that commands see. */
import type { Reporter } from "../command.ts";

export interface OutputStream {
  write(text: string): void;
  isTTY?: boolean;
  columns?: number;
}

export interface ReporterOptions {
  stdout: OutputStream;
  stderr: OutputStream;
  verbose: boolean;
  /** Seconds from any fixed start; injected by tests. */
  now?: () => number;
}

export interface ClosableReporter extends Reporter {
  /** Ends the progress line and, under `--json`, makes sure that a successful command printed one value. */
  close(succeeded: boolean): void;
}

export const monotonicSeconds = (): number => performance.now() / 1000;
