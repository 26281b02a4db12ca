/** What became of a break. Healed: what was wrong is right now, without anybody's word. */
export const breakStates = ['open', 'explained', 'written_off', 'healed'] as const;
export type BreakState = (typeof breakStates)[number];

/** How people may end a break: explained, where all is well though it does not look so; written off, where it is not. */
export const resolutions = ['explained', 'written_off'] as const;
export type Resolution = (typeof resolutions)[number];

/** What somebody wants a break to end as; somebody else has to approve of it. */
export type Proposal = { readonly resolution: Resolution; readonly reason: string; readonly by: string };

export type BreakStanding = {
  readonly state: BreakState;
  readonly owner: string | null;
  readonly proposal: Proposal | null;
  readonly approvedBy: string | null;
  /** The transaction of the books that put it right. */
  readonly fixedBy: string | null;
};

export type BreakChange =
  /** The chain and the books were compared, and still differ. */
  | { readonly kind: 'found' }
  /** They were compared, and do not differ any more. */
  | { readonly kind: 'gone'; readonly fixedBy: string | null }
  | { readonly kind: 'assign'; readonly owner: string }
  | {
      readonly kind: 'propose';
      readonly resolution: Resolution;
      readonly reason: string;
      readonly by: string;
      readonly fixedBy: string | null;
    }
  | { readonly kind: 'approve'; readonly by: string }
  | { readonly kind: 'reject'; readonly by: string };

export type BreakRefusal = 'not_open' | 'nothing_proposed' | 'own_proposal';

export type BreakTransition =
  | { readonly ok: true; readonly standing: BreakStanding }
  | { readonly ok: false; readonly refusal: BreakRefusal };

export const newBreak: BreakStanding = {
  state: 'open',
  owner: null,
  proposal: null,
  approvedBy: null,
  fixedBy: null,
};

/** What a change makes of a break. Total: every change in every state is taken or refused. */
export function transition(before: BreakStanding, change: BreakChange): BreakTransition {
  switch (change.kind) {
    case 'found':
      return took(
        before.state === 'healed' ? { ...before, state: 'open', proposal: null, fixedBy: null } : before,
      );
    case 'gone':
      return before.state === 'open'
        ? took({ ...before, state: 'healed', proposal: null, fixedBy: change.fixedBy })
        : took(before);
    case 'assign':
      return whileOpen(before, () => took({ ...before, owner: change.owner }));
    case 'propose': {
      const { resolution, reason, by, fixedBy } = change;
      return whileOpen(before, () => took({ ...before, proposal: { resolution, reason, by }, fixedBy }));
    }
    case 'approve':
      return whileOpen(before, () => approved(before, change.by));
    case 'reject':
      return whileOpen(before, () =>
        before.proposal === null
          ? refused('nothing_proposed')
          : took({ ...before, proposal: null, fixedBy: null }),
      );
  }
}

function approved(before: BreakStanding, by: string): BreakTransition {
  const { proposal } = before;
  if (proposal === null) return refused('nothing_proposed');
  if (proposal.by === by) return refused('own_proposal');
  return took({ ...before, state: proposal.resolution, approvedBy: by });
}

function whileOpen(before: BreakStanding, act: () => BreakTransition): BreakTransition {
  return before.state === 'open' ? act() : refused('not_open');
}

const took = (standing: BreakStanding): BreakTransition => ({ ok: true, standing });
const refused = (refusal: BreakRefusal): BreakTransition => ({ ok: false, refusal });

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** How long it has been there. */
export const ageBuckets = ['0-1h', '1-24h', '1-7d', '>7d'] as const;
export type AgeBucket = (typeof ageBuckets)[number];

/** From `since` on, until `until`, a break is of this age; as milliseconds before now, null where there is no bound. */
export const ageBounds: Readonly<
  Record<AgeBucket, { readonly minMs: number; readonly maxMs: number | null }>
> = {
  '0-1h': { minMs: 0, maxMs: hourMs },
  '1-24h': { minMs: hourMs, maxMs: dayMs },
  '1-7d': { minMs: dayMs, maxMs: 7 * dayMs },
  '>7d': { minMs: 7 * dayMs, maxMs: null },
};

export function ageBucketOf(firstSeen: Date, now: Date): AgeBucket {
  const ageMs = now.getTime() - firstSeen.getTime();
  return ageBuckets.findLast((bucket) => ageMs >= ageBounds[bucket].minMs) ?? '0-1h';
}
