import type { ChainId } from '@quittance/money';

import { causeOf, type ObservedPosting, type OwnWallets } from './cause.js';
import { type Finding, findingOf, type HashAt } from './finding.js';
import { pairUp } from './matching.js';
import { type BookedMovement, type ChainMovement, placeKey } from './movement.js';

/** What is asked of the books about movements that they do not have. */
export type BooksLookup = {
  /** Of some addresses, those that ever paid through us. */
  readonly payers: (addresses: readonly string[]) => Promise<ReadonlySet<string>>;
  /** The payment that waits for such a movement; null where none does. */
  readonly awaiting: (movement: ChainMovement) => Promise<string | null>;
  /** Whether a merchant gives back to somebody who had paid it, and which payment, where it can be only one. */
  readonly refunded: (movement: ChainMovement) => Promise<{ readonly paymentId: string | null } | null>;
  /** All that a transaction moved. */
  readonly inFull: (transaction: string) => Promise<readonly ChainMovement[]>;
};

export type ComparisonGround = {
  readonly chainId: ChainId;
  readonly own: OwnWallets;
  /** Whether the balance of a wallet of ours is accounted for in a block: what came before is in its opening. */
  readonly isAccounted: (movement: ChainMovement) => boolean;
  readonly hashAt: HashAt;
  readonly lookup: BooksLookup;
  /** Places of which it is to be told by which transaction of the books they are matched now. */
  readonly wanted: ReadonlySet<string>;
};

/** A movement to be posted, and what it was found as. */
export type Observed = {
  readonly movement: ChainMovement;
  readonly finding: Finding;
  readonly posting: ObservedPosting;
};

export type Comparison = {
  readonly matched: number;
  readonly findings: readonly Finding[];
  readonly observed: readonly Observed[];
  /** Findings about postings for blocks that are gone; those of transfers that we observed are taken back. */
  readonly orphaned: readonly { readonly booked: BookedMovement; readonly finding: Finding }[];
  readonly matchedBy: ReadonlyMap<string, string>;
};

type Unbooked = { readonly chain: ChainMovement; readonly refunds: string | null };

/** Compares what a chain has with what the books have; both by place. */
export async function compare(
  chain: Iterable<ChainMovement>,
  books: Iterable<BookedMovement>,
  ground: ComparisonGround,
): Promise<Comparison> {
  const findings: Finding[] = [];
  const orphaned: { booked: BookedMovement; finding: Finding }[] = [];
  const unbooked: ChainMovement[] = [];
  const matchedBy = new Map<string, string>();
  let matched = 0;
  for (const pairing of pairUp(chain, books)) {
    if (pairing.kind === 'unbooked') {
      if (ground.isAccounted(pairing.chain)) unbooked.push(pairing.chain);
      continue;
    }
    const finding = findingOf(pairing, ground);
    if (pairing.kind === 'matched') {
      const key = placeKey(pairing.chain.place);
      if (ground.wanted.has(key)) matchedBy.set(key, pairing.booked.transactionId);
      if (finding === null) matched += 1;
    }
    if (finding === null) continue;
    findings.push(finding);
    if (finding.type === 'orphaned') orphaned.push({ booked: pairing.booked, finding });
  }
  const told = await explained(unbooked, ground.lookup);
  const observed = told.flatMap((one) => observe(one, ground));
  const rest = new Set(observed.map(({ movement }) => movement));
  for (const { chain: movement } of told) {
    if (rest.has(movement)) continue;
    const finding = findingOf({ kind: 'unbooked', chain: movement }, ground);
    if (finding !== null) findings.push(finding);
  }
  return { matched, findings, observed, orphaned, matchedBy };
}

function observe({ chain: movement, refunds }: Unbooked, ground: ComparisonGround): Observed[] {
  const { chainId, own } = ground;
  const posting = causeOf(movement, { chainId, own, refunds: () => refunds });
  const finding = findingOf({ kind: 'unbooked', chain: movement }, ground);
  return posting === null || finding === null ? [] : [{ movement, finding, posting }];
}

/** What the books can say of movements that they do not have. Business of others comes out as it went in. */
async function explained(movements: readonly ChainMovement[], lookup: BooksLookup): Promise<Unbooked[]> {
  const asked = movements.filter(({ role }) => role === 'foreign' || role === 'settlement');
  const payers = await lookup.payers([...new Set(asked.flatMap(({ from, to }) => [from, to]))]);
  const told: Unbooked[] = [];
  const refunded = new Set<string>();
  for (const chain of movements) {
    const { role, from, to } = chain;
    if (role === 'settlement' && payers.has(from)) {
      told.push({ chain: { ...chain, awaitedBy: await lookup.awaiting(chain) }, refunds: null });
    } else if (role === 'foreign' && payers.has(to)) {
      const one = await refundOf(chain, lookup);
      // Each payment is given back once: of two that may give back the same one neither is certain to.
      told.push(one.refunds !== null && refunded.has(one.refunds) ? { ...one, refunds: null } : one);
      if (one.refunds !== null) refunded.add(one.refunds);
    } else if (role === 'foreign' && payers.has(from)) told.push(await settlementByOthers(chain, lookup));
    else told.push({ chain, refunds: null });
  }
  return told;
}

async function refundOf(chain: ChainMovement, lookup: BooksLookup): Promise<Unbooked> {
  const refund = await lookup.refunded(chain);
  if (refund !== null) return { chain: { ...chain, role: 'refund' }, refunds: refund.paymentId };
  return settlementByOthers(chain, lookup);
}

/** Somebody else may have settled a payment of ours: then its authorization says so, and a transfer alone does not. */
async function settlementByOthers(chain: ChainMovement, lookup: BooksLookup): Promise<Unbooked> {
  const none = { chain, refunds: null };
  if ((await lookup.awaiting(chain)) === null) return none;
  for (const full of await lookup.inFull(chain.place.transaction)) {
    if (full.from !== chain.from || full.to !== chain.to || full.asset !== chain.asset) continue;
    const awaitedBy = full.nonce === null ? null : await lookup.awaiting(full);
    if (awaitedBy !== null) return { chain: { ...full, role: 'settlement', awaitedBy }, refunds: null };
  }
  return none;
}
