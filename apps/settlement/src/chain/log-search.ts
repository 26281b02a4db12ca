import { type BlockRange, rangesDownFrom } from '../follower/block-range.js';
import type { FoundBlock, Landing } from '../payment/finding.js';
import type { Hex } from '../payment/payment.js';
import { ChainInconsistentError } from './chain-inconsistent.error.js';
import { type PaymentTerms, useIn } from './payment-use.js';
import {
  type AuthorizationEnd,
  permitEndIn,
  type PermitEndReader,
  type TakenTransfers,
} from './permit-search.js';
import type { AuthorizationLog, SettlementChain } from './settlement-chain.js';

export type { AuthorizationEnd } from './permit-search.js';

type BlockReader = Pick<SettlementChain, 'network' | 'block'>;
type EndReader = Pick<SettlementChain, 'network' | 'block' | 'authorizationEnds'> & PermitEndReader;

/** Ranges that a search asks for at most. */
const rangesMax = 200;
/** An authorization was seen unused when it was accepted, by a node that may have lagged this much. */
const lagMaxSeconds = 600n;

export type SearchBounds = {
  readonly head: bigint;
  /** When the facilitator accepted the payment, seconds since 1970. */
  readonly acceptedSeconds: bigint;
  readonly isTaken: TakenTransfers;
};

/**
 * What ended an authorization, searched from `head` back to when it was accepted; null when no log is found, which is no
 * proof that there is none, and `unknown` when that was too long ago to search all of it.
 */
export async function findEnd(
  chain: EndReader,
  payment: PaymentTerms,
  { head, acceptedSeconds, isTaken }: SearchBounds,
): Promise<AuthorizationEnd | 'unknown' | null> {
  let asked = 0;
  for (const range of rangesDownFrom(head, 0n)) {
    if (asked === rangesMax) return 'unknown';
    const end =
      payment.method === 'permit2'
        ? await permitEndIn(chain, payment, { ...range, isTaken })
        : await authorizationEndIn(chain, payment, range);
    if (end !== null) return end;
    asked += 1;
    if (range.fromBlock === 0n) return null;
    const oldest = await chain.block(range.fromBlock);
    if (oldest !== null && oldest.time < acceptedSeconds - lagMaxSeconds) return null;
  }
  return null;
}

async function authorizationEndIn(
  chain: Pick<EndReader, 'authorizationEnds'>,
  { asset, payer: authorizer, nonce }: PaymentTerms,
  range: BlockRange,
): Promise<AuthorizationEnd | null> {
  const { used, cancelled } = await chain.authorizationEnds({ ...range, asset, authorizer, nonce });
  const [use] = used;
  if (use !== undefined) return { how: 'used', log: use };
  const [cancellation] = cancelled;
  return cancellation === undefined ? null : { how: 'cancelled', log: cancellation };
}

/** The log by which one of these transactions used an authorization, from their receipts; null when none did. */
export async function findUseIn(
  chain: Pick<SettlementChain, 'receipt'>,
  transactions: readonly Hex[],
  payment: PaymentTerms,
): Promise<AuthorizationLog | null> {
  const receipts = await Promise.all(transactions.map((hash) => chain.receipt(hash)));
  const uses = receipts.map((receipt) => (receipt === null ? null : useIn(receipt, payment)));
  return uses.find((use) => use !== null) ?? null;
}

/**
 * The block of a log or receipt.
 *
 * @throws ChainInconsistentError when the chain has another block there by now, or none.
 */
export async function blockAt(chain: BlockReader, number: bigint, hash: string): Promise<FoundBlock> {
  const block = await chain.block(number);
  if (block === null || block.hash !== hash) {
    throw new ChainInconsistentError(chain.network.chainId, `block ${number} is not ${hash} (any more)`);
  }
  return { number: block.number, hash: block.hash, time: block.time };
}

export async function landingOf(chain: BlockReader, log: AuthorizationLog): Promise<Landing> {
  const block = await blockAt(chain, log.blockNumber, log.blockHash);
  return { transaction: log.transaction, logIndex: log.logIndex, block };
}
