const firstDelayMs = 250;
const longestDelayMs = 10_000;

/** How long to wait before the restart that follows `failures` quick ends in a row (1 or more), in milliseconds. */
export function restartDelayMs(failures: number): number {
  return Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(failures - 1, 16));
}
