import type { EventOf, QuittanceEvent } from '@quittance/events';
import { type ChainId, evmNativeAssetId } from '@quittance/money';

import type { EntryPosting } from '../src/posting/entry-posting.js';
import { type ChainMovement, logPart, nativePart, outside } from '../src/reconciliation/movement.js';
import { blockHash, FakeChain } from './fake-chain.js';
import { blockAt, type Month } from './generated-month.js';

/** Later than every block of the month. */
const height = 800n;

/** Its nodes keep no old states: what wallets of ours held is not compared, only what moved. */
class ForgetfulChain extends FakeChain {
  override async hasStates(): Promise<boolean> {
    return false;
  }
}

/** A chain as it must be by what was generated: settlements, gas and top-ups, in the blocks that stayed. */
export function chainOf({ steps, transfers }: Month, chainId: ChainId): FakeChain {
  const events = steps.flat();
  const gone = new Set(events.filter(isReorg).map(({ data }) => data.takesBack));
  const mined = events.filter(isMined).filter(({ id, data }) => data.chainId === chainId && !gone.has(id));
  const topUps = transfers.filter(({ kind }) => kind === 'transfer.top_up');
  return new ForgetfulChain(
    [
      ...mined.filter(isSettlement).map(settlementOf),
      ...mined.map(gasOf),
      ...topUps.flatMap((topUp) => movedCoin(topUp, chainId)),
    ],
    height,
  );
}

type Mined = EventOf<'settlement.confirmed' | 'settlement.failed' | 'settlement.released'>;

const isReorg = (event: QuittanceEvent): event is EventOf<'settlement.reorged'> =>
  event.type === 'settlement.reorged';
const isMined = (event: QuittanceEvent): event is Mined =>
  ['settlement.confirmed', 'settlement.failed', 'settlement.released'].includes(event.type);
const isSettlement = (event: QuittanceEvent): event is EventOf<'settlement.confirmed'> =>
  event.type === 'settlement.confirmed';

const place = (block: bigint, transaction: string, part: string): ChainMovement['place'] => ({
  block,
  blockHash: blockHash(block),
  transaction,
  part,
});

function settlementOf({ data }: EventOf<'settlement.confirmed'>): ChainMovement {
  const { block, transaction, logIndex, asset, payer, payTo, amount } = data;
  return {
    place: place(BigInt(block.number), transaction, logPart(logIndex)),
    role: 'settlement',
    asset,
    from: payer,
    to: payTo,
    amount: BigInt(amount),
    nonce: null,
    fee: 0n,
    awaitedBy: null,
  };
}

/** What the relayer paid for the transaction. */
function gasOf({ type, data }: Mined): ChainMovement {
  const { block, transaction, gas, chainId } = data;
  if (block === null || transaction === null || gas === null) throw new RangeError(`${type} was not mined`);
  return {
    place: place(BigInt(block.number), transaction, nativePart(gas.relayer)),
    role: 'own',
    asset: evmNativeAssetId(chainId),
    from: gas.relayer,
    to: outside,
    amount: BigInt(gas.fee),
    nonce: null,
    fee: BigInt(gas.fee),
    awaitedBy: null,
  };
}

/** What a transfer between wallets of ours did to each of them. */
function movedCoin(
  { lines, effectiveAt, chainTransaction }: EntryPosting,
  chainId: ChainId,
): ChainMovement[] {
  const native = evmNativeAssetId(chainId);
  const sums = new Map<string, bigint>();
  for (const { account, asset, amount } of lines)
    if (asset === native && account.startsWith('G:wallet:'))
      sums.set(account, (sums.get(account) ?? 0n) + amount);
  return [...sums].map(([account, sum]): ChainMovement => {
    const wallet = account.split(':').at(-1) ?? '';
    const parties = sum < 0n ? { from: wallet, to: outside } : { from: outside, to: wallet };
    return {
      place: place(blockAt(effectiveAt.getTime()), chainTransaction ?? '', nativePart(wallet)),
      role: 'topup',
      asset: native,
      ...parties,
      amount: sum < 0n ? -sum : sum,
      nonce: null,
      fee: 0n,
      awaitedBy: null,
    };
  });
}
