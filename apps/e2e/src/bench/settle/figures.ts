import type { Figures } from '../../figures.js';

const digitsKept = 4;
/** Stands for a time or a ratio without end, which JSON cannot say: somebody was never answered. */
const endless = 999_999;

/** Figures that were measured, to four places. */
export function present(figures: Readonly<Record<string, number | undefined>>): Figures {
  const kept = 10 ** digitsKept;
  return Object.fromEntries(
    Object.entries(figures).flatMap(([name, value]) =>
      value === undefined || Number.isNaN(value)
        ? []
        : [[name, Math.round(Math.min(value, endless) * kept) / kept]],
    ),
  );
}
