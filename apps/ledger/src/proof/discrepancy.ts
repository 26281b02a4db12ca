import { type Digest, leafDigest } from './digest.js';
import { canonicalText, type SealedTransaction } from './sealed-transaction.js';

/** What can be wrong with books that were sealed. Each is the work of somebody with the owner's rights. */
export const discrepancyKinds = [
  'leaf_missing',
  'leaf_altered',
  'leaf_beyond_seals',
  'transaction_missing',
  'transaction_altered',
  'transaction_unbalanced',
  'transaction_never_sealed',
  'queue_altered',
  'seal_missing',
  'seal_altered',
  'subtree_altered',
  'checkpoint_altered',
] as const;
export type DiscrepancyKind = (typeof discrepancyKinds)[number];

/** Something wrong, and where. */
export type Discrepancy = {
  readonly kind: DiscrepancyKind;
  /** Position of the leaf, or size of the seal or checkpoint. */
  readonly place: number | null;
  readonly transactionId: string | null;
  readonly detail: string;
};

/** The leaf of what stands in the books now. */
export function leafOf(transaction: SealedTransaction): Digest {
  return leafDigest(canonicalText(transaction));
}

/** Assets and layers by which a transaction does not sum to zero; amounts that are none count as such. */
export function imbalance({ entries }: SealedTransaction): string[] {
  const sums = new Map<string, bigint | null>();
  for (const { asset, layer, amount } of entries) {
    const key = `${asset} ${layer}`;
    const sum = sums.get(key) ?? (sums.has(key) ? null : 0n);
    sums.set(key, sum === null || !/^-?[0-9]+$/.test(amount) ? null : sum + BigInt(amount));
  }
  return [...sums].filter(([, sum]) => sum !== 0n).map(([key, sum]) => `${key}: ${sum ?? 'no amount'}`);
}

export const altered = (position: number, transactionId: string): Discrepancy => ({
  kind: 'transaction_altered',
  place: position,
  transactionId,
  detail: `transaction ${transactionId}, leaf ${position}, is not what was sealed`,
});

export const leafAltered = (position: number, transactionId: string): Discrepancy => ({
  kind: 'leaf_altered',
  place: position,
  transactionId,
  detail: `the hash of leaf ${position}, transaction ${transactionId}, is not what was sealed; the transaction is`,
});

export const missing = (position: number, transactionId: string): Discrepancy => ({
  kind: 'transaction_missing',
  place: position,
  transactionId,
  detail: `transaction ${transactionId}, sealed as leaf ${position}, is gone`,
});

export const unbalanced = (
  position: number,
  { id }: SealedTransaction,
  sums: readonly string[],
): Discrepancy => ({
  kind: 'transaction_unbalanced',
  place: position,
  transactionId: id,
  detail: `transaction ${id}, leaf ${position}, does not sum to 0: ${sums.join('; ')}`,
});

export const leafMissing = (first: number, end: number): Discrepancy => ({
  kind: 'leaf_missing',
  place: first,
  transactionId: null,
  detail: end - first === 1 ? `leaf ${first} is gone` : `leaves ${first} to ${end - 1} are gone`,
});
