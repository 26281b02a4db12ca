import type { Actor } from '../access/role.js';
import type { Book } from '../posting/account-code.js';
import { bookOf } from '../posting/account-code.js';
import type { Line } from '../posting/line.js';

/** What is to be posted by hand, as its author says it. */
export type JournalDraft = {
  readonly book: Book;
  readonly effectiveAt: Date;
  readonly reason: string;
  readonly paymentId: string | null;
  /** The transaction that it is the mirror of. */
  readonly reverses: string | null;
  readonly lines: readonly Line[];
};

export const journalStates = ['draft', 'posted', 'rejected', 'withdrawn'] as const;
export type JournalState = (typeof journalStates)[number];

export const verdicts = ['approved', 'rejected', 'withdrawn'] as const;
export type Verdict = (typeof verdicts)[number];

export type JournalRefusal =
  | { readonly kind: 'decided'; readonly state: JournalState }
  | { readonly kind: 'own_draft' }
  | { readonly kind: 'not_the_author'; readonly author: string };

export type JournalStep = { readonly kind: 'moved'; readonly state: JournalState } | JournalRefusal;

/** What a decision makes of a journal. Another one than its author decides; the author can only take it back. */
export function transition(
  { state, author }: { readonly state: JournalState; readonly author: string },
  { verdict, actor }: { readonly verdict: Verdict; readonly actor: Pick<Actor, 'name'> },
): JournalStep {
  if (state !== 'draft') return { kind: 'decided', state };
  const isAuthor = actor.name === author;
  switch (verdict) {
    case 'approved':
      return isAuthor ? { kind: 'own_draft' } : { kind: 'moved', state: 'posted' };
    case 'rejected':
      return isAuthor ? { kind: 'own_draft' } : { kind: 'moved', state: 'rejected' };
    case 'withdrawn':
      return isAuthor ? { kind: 'moved', state: 'withdrawn' } : { kind: 'not_the_author', author };
  }
}

export const stateAfter = (verdict: Verdict | null): JournalState =>
  verdict === null ? 'draft' : verdict === 'approved' ? 'posted' : verdict;

/** What is wrong with a draft in itself, each in a sentence; none where the books could take it. */
export function faultsOf({ book, lines }: Pick<JournalDraft, 'book' | 'lines'>): string[] {
  const faults: string[] = [];
  const seen = new Set<string>();
  const sums = new Map<string, bigint>();
  for (const { account, asset, layer, amount } of lines) {
    if (bookOf(account) !== book) faults.push(`Account "${account}" is not of book ${book}.`);
    if (amount === 0n) faults.push(`The amount on "${account}" is 0.`);
    const position = `${account} ${asset} ${layer}`;
    if (seen.has(position))
      faults.push(`"${account}" has two lines of ${asset} on layer ${layer}: make them one.`);
    seen.add(position);
    const place = `${asset} on layer ${layer}`;
    sums.set(place, (sums.get(place) ?? 0n) + amount);
  }
  for (const [place, sum] of sums)
    if (sum !== 0n) faults.push(`The lines of ${place} come to ${sum} and not to 0.`);
  if (lines.length === 0) faults.push('There are no lines.');
  return faults;
}

/** The lines that make a posted transaction as if it had not been. */
export const mirrorOf = (lines: readonly Line[]): Line[] =>
  lines.map((line) => ({ ...line, amount: -line.amount }));
