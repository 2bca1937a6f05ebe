/** How quantities are written for people: durations, sizes, counts, a progress line. Pure functions. */

/** `0.8 s`, `12 s`, `3 min 05 s`, `1 h 02 min`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return "?";
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** How long ago: `3 min`, `5 h`, `12 days`. */
export function formatAge(milliseconds: number): string {
  const minutes = Math.max(0, Math.floor(milliseconds / 60_000));
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}

/** Decimal units: `98.4 MB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return unit === 0 || value >= 99.95 ? `${Math.round(value)} ${units[unit]}` : `${value.toFixed(1)} ${units[unit]}`;
}

/** A count in its unit; the unit `bytes` is written as a size. */
export function formatAmount(count: number, unit: string | undefined): string {
  if (unit === "bytes") return formatBytes(count);
  const text = Number.isInteger(count) ? String(count) : count.toFixed(count < 10 ? 2 : 0);
  return unit === undefined ? text : `${text} ${unit}`;
}

/** `done / total unit`, the unit written once. */
export function formatProgress(done: number, total: number | undefined, unit: string | undefined): string {
  if (total === undefined) return formatAmount(done, unit);
  if (unit === "bytes") return `${formatBytes(done)} of ${formatBytes(total)}`;
  return `${formatAmount(done, undefined)}/${formatAmount(total, unit)}`;
}

/** A bar of `width` cells, in eighths of a cell. */
export function formatBar(fraction: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, fraction)) * width * 8);
  const full = Math.floor(eighths / 8);
  const rest = eighths % 8;
  const bar = "█".repeat(full) + (rest === 0 ? "" : " ▏▎▍▌▋▊▉"[rest]);
  return bar.padEnd(width, "░");
}
