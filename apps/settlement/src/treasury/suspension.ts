/** Why a chain cannot settle, the more lasting first. */
export const causes = ['relayers_unfunded', 'gas_price_above_cap'] as const;
export type Cause = (typeof causes)[number];

/** How long a cause must hold, or not hold, before that is told: prices swing around a cap. */
export const steadyMs: Readonly<Record<Cause, number>> = { relayers_unfunded: 0, gas_price_above_cap: 5_000 };

/** What is known of a cause. Immutable; times are of one monotonic clock. */
export type CauseView = {
  /** What was seen last, null before the first look. */
  readonly seen: boolean | null;
  readonly sinceMs: number;
  /** What held for long enough, null when nothing has yet. */
  readonly settled: boolean | null;
};

export type Views = Readonly<Record<Cause, CauseView>>;

export type Verdict =
  | { readonly kind: 'suspended'; readonly reason: Cause }
  | { readonly kind: 'settles' }
  /** Not enough is known: what was told stays. */
  | { readonly kind: 'unknown' };

const unseen: CauseView = { seen: null, sinceMs: -Infinity, settled: null };
export const nothingSeen: Views = { relayers_unfunded: unseen, gas_price_above_cap: unseen };

/** The views after a look at one cause. */
export function seeCause(views: Views, cause: Cause, { holds, nowMs }: Look): Views {
  const before = views[cause];
  const sinceMs = before.seen === holds ? before.sinceMs : nowMs;
  return { ...views, [cause]: { ...before, seen: holds, sinceMs } };
}

/** The views as time passes. */
export function settleViews(views: Views, nowMs: number): Views {
  const settled = (cause: Cause): CauseView => {
    const view = views[cause];
    return nowMs - view.sinceMs >= steadyMs[cause] ? { ...view, settled: view.seen } : view;
  };
  return {
    relayers_unfunded: settled('relayers_unfunded'),
    gas_price_above_cap: settled('gas_price_above_cap'),
  };
}

/** One cause is enough to suspend; that none holds must be known of each. */
export function verdictOf(views: Views): Verdict {
  const reason = causes.find((cause) => views[cause].settled === true);
  if (reason !== undefined) return { kind: 'suspended', reason };
  const isKnown = causes.every((cause) => views[cause].settled === false);
  return isKnown ? { kind: 'settles' } : { kind: 'unknown' };
}

/** Milliseconds until what is seen now has held for long enough; null when there is nothing to wait for. */
export function untilSettledMs(views: Views, nowMs: number): number | null {
  const pauses = causes
    .filter((cause) => views[cause].seen !== views[cause].settled)
    .map((cause) => Math.max(views[cause].sinceMs + steadyMs[cause] - nowMs, 0));
  return pauses.length === 0 ? null : Math.min(...pauses);
}

type Look = { readonly holds: boolean; readonly nowMs: number };
