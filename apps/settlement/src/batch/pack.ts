import type { Hex } from '../payment/payment.js';
import { batchGasLimit, batchGasMax, memberGas } from './gas.js';

/** What packing looks at of a payment. */
export type Packable = {
  readonly asset: Hex;
  readonly payer: Hex;
  readonly payTo: Hex;
  /** Of its transfer alone. */
  readonly calldata: Hex;
  /** Payments at most in a batch that holds this one. */
  readonly batchLimit: number;
};

export type Pack<Candidate extends Packable> = {
  readonly asset: Hex;
  readonly members: readonly Candidate[];
  /** What each member is allowed. */
  readonly gas: readonly bigint[];
};

export type PackOptions = {
  readonly batchesMax: number;
  /** Whether an account is known to hold a token. */
  readonly payeeHolds: (payment: { readonly asset: Hex; readonly payTo: Hex }) => boolean;
};

/** 128 KB is what nodes take of a transaction. */
export const transactionBytesMax = 131_072;
/** Of a transaction without its calldata, and of that without its members. */
const transactionHeadBytes = 300;
const transferBytes = 292;
/** In a batch's calldata: the transfer, padded, and five words around it. */
const memberBytes = 480;
export const batchSizeMax = Math.floor((transactionBytesMax - transactionHeadBytes) / memberBytes);

type Open<Candidate extends Packable> = {
  readonly asset: Hex;
  readonly members: Candidate[];
  readonly gas: bigint[];
  readonly payees: Set<Hex>;
  limit: number;
  room: bigint;
};

/**
 * Puts payments, given by deadline, into batches of one asset each, with no more than fits into a transaction by gas and
 * bytes. A payment goes into the first batch that takes it, but never before an earlier payment of the same payer and
 * asset. Those that find no place in the batches are left out.
 */
export function pack<Candidate extends Packable>(
  candidates: readonly Candidate[],
  { batchesMax, payeeHolds }: PackOptions,
): Pack<Candidate>[] {
  const batches: Open<Candidate>[] = [];
  const lastOf = new Map<string, number>();
  for (const candidate of candidates) {
    const { asset, payer, payTo } = candidate;
    const from = lastOf.get(asset + payer) ?? 0;
    const gasIn = ({ payees }: Open<Candidate>) =>
      memberGas({ payeeHolds: payees.has(payTo) || payeeHolds(candidate) });
    let index = batches.findIndex(
      (batch, at) => at >= from && takes(batch, candidate) && gasIn(batch) <= batch.room,
    );
    if (index === -1 && batches.length < batchesMax) index = batches.push(emptyBatch(asset)) - 1;
    const batch = batches[index];
    lastOf.set(asset + payer, batch === undefined ? batchesMax : index);
    if (batch !== undefined) put(batch, candidate, gasIn(batch));
  }
  return batches.map(({ asset, members, gas }) => ({ asset, members, gas }));
}

function emptyBatch<Candidate extends Packable>(asset: Hex): Open<Candidate> {
  const room = batchGasMax - batchGasLimit([]);
  return { asset, members: [], gas: [], payees: new Set(), limit: batchSizeMax, room };
}

function takes<Candidate extends Packable>(batch: Open<Candidate>, candidate: Candidate): boolean {
  const limit = Math.min(batch.limit, limitOf(candidate));
  return batch.asset === candidate.asset && batch.members.length < limit;
}

function put<Candidate extends Packable>(batch: Open<Candidate>, candidate: Candidate, gas: bigint): void {
  batch.members.push(candidate);
  batch.gas.push(gas);
  batch.payees.add(candidate.payTo);
  batch.limit = Math.min(batch.limit, limitOf(candidate));
  batch.room -= gas;
}

/**
 * A signature that only the payer's own contract can check goes alone: the contract may use any amount of gas, and other
 * than it did when tried, and must not be able to make others fail.
 */
function limitOf({ calldata, batchLimit }: Packable): number {
  return calldata.length === '0x'.length + transferBytes * 2 ? batchLimit : 1;
}
