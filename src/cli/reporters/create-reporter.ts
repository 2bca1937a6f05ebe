/** Picks the reporter: JSON when asked for, a live line where a terminal shows it, plain lines otherwise. */
import { createJsonReporter } from "./json-reporter.ts";
import type { ClosableReporter, ReporterOptions } from "./output.ts";
import { createPlainReporter } from "./plain-reporter.ts";
import { createPrettyReporter } from "./pretty-reporter.ts";

export function createReporter(options: ReporterOptions & { json: boolean }): ClosableReporter {
  if (options.json) return createJsonReporter(options);
  return options.stderr.isTTY ? createPrettyReporter(options) : createPlainReporter(options);
}
