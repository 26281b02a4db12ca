import { ChainUnavailableError, type PermitEnds, type TransferLog } from '@quittance/chain';
import { permitSettledBy } from '@quittance/exact-evm';

import type { BlockRange } from '../follower/block-range.js';
import type { Hex } from '../payment/payment.js';
import { type PaymentTerms, useLogOf } from './payment-use.js';
import type { AuthorizationLog, SettlementChain } from './settlement-chain.js';

export type PermitEndReader = Pick<
  SettlementChain,
  'permitEnds' | 'receipt' | 'spentOf' | 'calldataOf' | 'ping'
>;

/** The log that ended an authorization: a transfer used it, or its payer cancelled it. */
export type AuthorizationEnd = { readonly how: 'used' | 'cancelled'; readonly log: AuthorizationLog };

/** Whether a transfer is that of another payment of ours, as far as we know. */
export type TakenTransfers = (transfer: TransferLog) => Promise<boolean>;

/**
 * What spent a permit, if that happened in these blocks and left a log: a transfer as it makes it, by a proxy, in the
 * block in which its nonce became spent; or its payer's word that it is spent. A payer may have signed many that look
 * the same, and spend one of them otherwise in the very block in which another is paid: who was paid once must not be
 * told so twice.
 */
export async function permitEndIn(
  chain: PermitEndReader,
  payment: PaymentTerms,
  { isTaken, ...range }: BlockRange & { readonly isTaken: TakenTransfers },
): Promise<AuthorizationEnd | null> {
  const { transfers, invalidations }: PermitEnds = await chain.permitEnds({ ...range, ...payment });
  const [invalidation] = invalidations;
  for (const transfer of transfers) {
    // What its payer has taken back nobody can use any more, and what is used nobody needs to take back in the same block.
    if (invalidations.some(({ blockNumber }) => blockNumber <= transfer.blockNumber)) continue;
    if ((await isUse(chain, payment, transfer)) && !(await isTaken(transfer)))
      return { how: 'used', log: useLogOf(transfer, payment) };
  }
  return invalidation === undefined ? null : { how: 'cancelled', log: useLogOf(invalidation, payment) };
}

async function isUse(
  chain: PermitEndReader,
  payment: PaymentTerms,
  { transaction, logIndex, blockNumber }: TransferLog,
): Promise<boolean> {
  const receipt = await chain.receipt(transaction);
  if (receipt?.proxyTransfers.some((log) => log.logIndex === logIndex) !== true) return false;
  return (await isNamed(chain, payment, transaction)) && (await becameSpentIn(chain, payment, blockNumber));
}

/** Whether the nonce became spent in a block, unless the node has no state of so long ago: it may have then. */
async function becameSpentIn(chain: PermitEndReader, payment: PaymentTerms, block: bigint): Promise<boolean> {
  const spentAt = async (number: bigint) => (await chain.spentOf([payment], number))[0] === true;
  try {
    const [after, before] = await Promise.all([spentAt(block), block === 0n ? false : spentAt(block - 1n)]);
    return after && !before;
  } catch (error) {
    if (!(error instanceof ChainUnavailableError)) throw error;
    // That it answers at all says that it only does not know this.
    await chain.ping();
    return true;
  }
}

/** Whether a transaction's calldata has the payment's permit: as what a proxy is asked to settle, or somewhere in it. */
async function isNamed(
  chain: PermitEndReader,
  { nonce, payer }: PaymentTerms,
  transaction: TransferLog['transaction'],
): Promise<boolean> {
  const calldata = (await chain.calldataOf(transaction))?.toLowerCase() as Hex | undefined;
  if (calldata === undefined) return false;
  const settled = permitSettledBy(calldata);
  if (settled !== null) return settled.nonce === nonce && settled.payer === payer;
  return [nonce, payer].every((word) => calldata.includes(word.slice(2)));
}
