/** `--json`: the result on stdout, warnings on stderr; with `--verbose` every event as a JSON line on stderr. */
import type { ClosableReporter, ReporterOptions } from "./output.ts";

export function createJsonReporter({ stdout, stderr, verbose }: ReporterOptions): ClosableReporter {
  let hasResult = false;
  return {
    event(event) {
      if (verbose) stderr.write(`${JSON.stringify(event)}\n`);
      else if (event.type === "message" && event.level === "warning") stderr.write(`warning: ${event.text}\n`);
    },
    print() {},
    warn(text) {
      stderr.write(`warning: ${text}\n`);
    },
    result(value) {
      hasResult = true;
      stdout.write(`${JSON.stringify(value, null, 2)}\n`);
    },
    close(succeeded) {
      if (succeeded && !hasResult) stdout.write("{}\n");
    },
  };
}
