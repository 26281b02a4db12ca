import { type BlockRange, rangesDownFrom } from '../follower/block-range.js';
import type { FoundBlock, Landing } from '../payment/finding.js';
import type { Payment } from '../payment/payment.js';
import { ChainInconsistentError } from './chain-inconsistent.error.js';
import type { AuthorizationLog, SettlementChain } from './settlement-chain.js';

type BlockReader = Pick<SettlementChain, 'network' | 'block'>;
type LogReader = Pick<SettlementChain, 'network' | 'block' | 'authorizationUsed'>;

/** Ranges that a search asks for at most. */
const rangesMax = 200;
/** An authorization was seen unused when it was accepted, by a node that may have lagged this much. */
const lagMaxSeconds = 600n;

/**
 * The logs of a range, from a node that has the whole range: one that lags has no logs either, and says so with the same
 * empty answer. Both questions go out in one turn, and so to one node.
 *
 * @throws ChainInconsistentError when the node has not got the last block.
 */
export async function logsOf(
  chain: LogReader,
  range: BlockRange,
  filter: Pick<Parameters<SettlementChain['authorizationUsed']>[0], 'authorizer' | 'nonce'> = {},
): Promise<AuthorizationLog[]> {
  const [logs, last] = await Promise.all([
    chain.authorizationUsed({ ...range, ...filter }),
    chain.block(range.toBlock),
  ]);
  if (last === null) {
    throw new ChainInconsistentError(
      chain.network.chainId,
      `the node that was asked for logs has not got block ${range.toBlock}`,
    );
  }
  return logs;
}

export type SearchBounds = {
  readonly head: bigint;
  /** When the facilitator accepted the payment, seconds since 1970. */
  readonly acceptedSeconds: bigint;
};

/**
 * The log that used an authorization, searched from `head` back to when it was accepted; null when there is none, and
 * `unknown` when that was too long ago to search all of it.
 */
export async function findSpendingLog(
  chain: LogReader,
  payment: Pick<Payment, 'asset' | 'payer' | 'nonce'>,
  { head, acceptedSeconds }: SearchBounds,
): Promise<AuthorizationLog | 'unknown' | null> {
  let asked = 0;
  for (const range of rangesDownFrom(head, 0n)) {
    if (asked === rangesMax) return 'unknown';
    const logs = await logsOf(chain, range, { authorizer: payment.payer, nonce: payment.nonce });
    const log = logs.find(({ asset }) => asset === payment.asset);
    if (log !== undefined) return log;
    asked += 1;
    if (range.fromBlock === 0n) return null;
    const oldest = await chain.block(range.fromBlock);
    if (oldest !== null && oldest.time < acceptedSeconds - lagMaxSeconds) return null;
  }
  return null;
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
