/** Lines for whoever looks into a problem, on stderr, off below the chosen level. What users must see goes through events and reporters. */

const ranks = {
  NOTSET: 0,
  DEBUG: 10,
  INFO: 20,
  WARN: 30,
  WARNING: 30,
  ERROR: 40,
  CRITICAL: 50,
  FATAL: 50,
} as const;
export type LogLevel = keyof typeof ranks;
export const logLevels = Object.keys(ranks) as LogLevel[];

let minimum: number = ranks.WARNING;

export function setLogLevel(level: LogLevel): void {
  minimum = ranks[level];
}

function write(level: LogLevel, message: string, fields?: Record<string, unknown>): void {
  if (ranks[level] < minimum) return;
  const details = fields === undefined ? "" : ` ${JSON.stringify(fields)}`;
  console.error(`${level} ${new Date().toISOString()} ${message}${details}`);
}

export const log = {
  debug: (message: string, fields?: Record<string, unknown>): void => write("DEBUG", message, fields),
  info: (message: string, fields?: Record<string, unknown>): void => write("INFO", message, fields),
  warning: (message: string, fields?: Record<string, unknown>): void => write("WARNING", message, fields),
  error: (message: string, fields?: Record<string, unknown>): void => write("ERROR", message, fields),
};
