/** What was posted up to four moments: now, an hour, a day and a week before. */
export type Cumulative = {
  readonly now: bigint;
  readonly hourAgo: bigint;
  readonly dayAgo: bigint;
  readonly weekAgo: bigint;
};

export type Aged = {
  readonly outstanding: bigint;
  readonly upToHour: bigint;
  readonly upToDay: bigint;
  readonly upToWeek: bigint;
  readonly older: bigint;
};

export const ages = { hourMs: 3_600_000, dayMs: 86_400_000, weekMs: 604_800_000 } as const;

const atLeastZero = (amount: bigint): bigint => (amount > 0n ? amount : 0n);

/** How long what is still owed has been owed: what was paid is taken from the oldest first. */
export function aged(owed: Cumulative, paid: bigint): Aged {
  const open = (until: bigint): bigint => atLeastZero(until - paid);
  const older = open(owed.weekAgo);
  const beforeDay = open(owed.dayAgo);
  const beforeHour = open(owed.hourAgo);
  return {
    outstanding: owed.now - paid,
    upToHour: open(owed.now) - beforeHour,
    upToDay: beforeHour - beforeDay,
    upToWeek: beforeDay - older,
    older,
  };
}
