const firstPauseMs = 100;
const pauseMaxMs = 2_000;
const doublingsMax = 10;

/** Milliseconds to wait after the given number of faults in a row: doubles, up to a bound. */
export function backoffMs(faults: number): number {
  return Math.min(firstPauseMs * 2 ** Math.min(faults, doublingsMax), pauseMaxMs);
}
