import { factsOf } from '../posting/facts-text.js';
import { difference, type Line } from '../posting/line.js';
import { target } from '../posting/target.js';

export const scopes = ['slice', 'full'] as const;
export type Scope = (typeof scopes)[number];

/** What can be wrong with books that only ever were posted to by their service: nothing. Each is the work of somebody else. */
export const driftKinds = [
  'transaction_unbalanced',
  'transaction_without_lines',
  'line_without_transaction',
  'line_misplaced',
  'balance_differs',
  'book_unbalanced',
  'payment_differs',
  'seal_differs',
] as const;
export type DriftKind = (typeof driftKinds)[number];

/** Something to look at. `subject` says which row, `detail` what is wrong with it. */
export type Finding<Kind extends string = string> = {
  readonly kind: Kind;
  readonly subject: string;
  readonly detail: string;
};

export type Drift = Finding<DriftKind>;
/** Money that should have left a clearing account: the books are right, something else is late. */
export type Overdue = Finding<'clearing_overdue'>;

/** What a check looked at and found. */
export type CheckReport = {
  /** How many of each thing. */
  readonly lookedAt: Readonly<Record<string, number>>;
  readonly drift: readonly Drift[];
  readonly overdue: readonly Overdue[];
};

/** Findings of one kind that a report keeps: whoever sees so many needs no more. */
export const findingsMax = 100;

/** The parts of a check as one. */
export function joined(parts: readonly CheckReport[]): CheckReport {
  const lookedAt: Record<string, number> = {};
  for (const part of parts)
    for (const [what, count] of Object.entries(part.lookedAt)) lookedAt[what] = (lookedAt[what] ?? 0) + count;
  return {
    lookedAt,
    drift: parts.flatMap(({ drift }) => drift).slice(0, findingsMax * driftKinds.length),
    overdue: parts.flatMap(({ overdue }) => overdue).slice(0, findingsMax),
  };
}

/** A payment with the sums of all that its events posted. */
export type PostedPayment = {
  readonly id: string;
  /** As they are kept. */
  readonly facts: string;
  readonly posted: readonly Line[];
};

/** The payments whose lines are not what follows from their facts. */
export function paymentDrift(payments: readonly PostedPayment[]): Drift[] {
  return payments.flatMap(({ id, facts, posted }) => {
    const missing = differenceOrFault(facts, posted);
    return missing === '' ? [] : [{ kind: 'payment_differs', subject: `payment ${id}`, detail: missing }];
  });
}

function differenceOrFault(facts: string, posted: readonly Line[]): string {
  try {
    const lines = difference(target(factsOf(facts)), posted);
    return lines
      .map(({ account, asset, layer, amount }) => `${amount} missing on ${account} of ${asset}, ${layer}`)
      .join('; ');
  } catch (fault) {
    // Whatever the service wrote there it can read: this is not what it wrote.
    return `its facts cannot be read: ${fault instanceof Error ? fault.message : 'no error'}`;
  }
}

const reasonFindingsMax = 3;

/** Why the books become read-only, in a line. */
export function reasonOf(scope: Scope, drift: readonly Drift[]): string {
  const shown = drift.slice(0, reasonFindingsMax).map(({ kind, subject }) => `${kind} (${subject})`);
  const more = drift.length > shown.length ? ` and ${drift.length - shown.length} more` : '';
  return `a ${scope} check found ${shown.join(', ')}${more}`;
}
