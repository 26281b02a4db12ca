import { type ChainId, evmNativeAssetId } from '@quittance/money';

import { type Line, move } from '../posting/line.js';
import { type ChainMovement, outside } from './movement.js';

/** What wallets of ours are for; their accounts are named by it. */
export type WalletUse = 'relayer' | 'treasury';
/** Wallets of ours, by address. */
export type OwnWallets = ReadonlyMap<string, WalletUse>;

/** A movement whose cause is certain, as it is to be posted. */
export type ObservedPosting = {
  readonly book: 'F' | 'G';
  readonly kind: ObservedKind;
  readonly paymentId: string | null;
  readonly lines: readonly Line[];
};

export type ObservedKind = 'transfer.refund' | 'transfer.unknown_inbound' | 'transfer.topup';

/** Codes of accounts that only the chain moves. */
export const observedAccount = {
  wallet: (chainId: ChainId, use: WalletUse, address: string) => `G:wallet:${use}:${chainId}:${address}`,
  suspense: (chainId: ChainId) => `G:suspense:${chainId}`,
  topUps: (chainId: ChainId) => `G:transit:topup:${chainId}`,
  topUpGas: (chainId: ChainId) => `G:expense:gas:${chainId}:topup`,
  opening: 'G:equity:opening',
  payer: (chainId: ChainId, address: string) => `F:payer:${chainId}:${address}`,
  merchant: (chainId: ChainId, address: string) => `F:merchant:${chainId}:${address}`,
} as const;

export type World = {
  readonly chainId: ChainId;
  readonly own: OwnWallets;
  /** The one payment that a refund gives back, where there is only one that it can be. */
  readonly refunds: (movement: ChainMovement) => string | null;
};

/**
 * How to post a movement that nobody told of, where the chain alone says what it was: a merchant gave back, somebody sent
 * something to a wallet of ours, or money went from one wallet of ours to another. Null where people have to say it.
 */
export function causeOf(movement: ChainMovement, world: World): ObservedPosting | null {
  if (movement.amount === 0n) return null;
  switch (movement.role) {
    case 'refund':
      return refund(movement, world);
    case 'inbound':
      return inbound(movement, world);
    case 'topup':
      return topUp(movement, world);
    case 'settlement':
    case 'own':
    case 'foreign':
      return null;
  }
}

function refund(movement: ChainMovement, { chainId, refunds }: World): ObservedPosting {
  const { asset, from, to, amount } = movement;
  const lines = move({
    to: observedAccount.payer(chainId, to),
    from: observedAccount.merchant(chainId, from),
    asset,
    layer: 'settled',
    amount,
  });
  return { book: 'F', kind: 'transfer.refund', paymentId: refunds(movement), lines };
}

function inbound({ asset, to, amount }: ChainMovement, { chainId, own }: World): ObservedPosting | null {
  const use = own.get(to);
  if (use === undefined) return null;
  const lines = move({
    to: observedAccount.wallet(chainId, use, to),
    from: observedAccount.suspense(chainId),
    asset,
    layer: 'settled',
    amount,
  });
  return { book: 'G', kind: 'transfer.unknown_inbound', paymentId: null, lines };
}

/**
 * A token goes from one wallet to the other by one log. Of the native coin each wallet has its own movement, and what is
 * on its way between them stands on an account that comes back to 0.
 */
function topUp(movement: ChainMovement, { chainId, own }: World): ObservedPosting | null {
  const { asset, from, to, amount, fee } = movement;
  const [fromUse, toUse] = [own.get(from), own.get(to)];
  const isNative = asset === evmNativeAssetId(chainId);
  const settled = { asset, layer: 'settled' } as const;
  const lines: Line[] = [];
  if (fromUse !== undefined && toUse !== undefined && !isNative) {
    const [source, target] = [
      observedAccount.wallet(chainId, fromUse, from),
      observedAccount.wallet(chainId, toUse, to),
    ];
    lines.push(...move({ ...settled, from: source, to: target, amount }));
  } else if (fromUse !== undefined && to === outside) {
    const source = observedAccount.wallet(chainId, fromUse, from);
    if (amount !== fee)
      lines.push(
        ...move({ ...settled, from: source, to: observedAccount.topUps(chainId), amount: amount - fee }),
      );
    if (fee !== 0n)
      lines.push(...move({ ...settled, from: source, to: observedAccount.topUpGas(chainId), amount: fee }));
  } else if (toUse !== undefined && from === outside) {
    const target = observedAccount.wallet(chainId, toUse, to);
    lines.push(...move({ ...settled, from: observedAccount.topUps(chainId), to: target, amount }));
  }
  return lines.length === 0 ? null : { book: 'G', kind: 'transfer.topup', paymentId: null, lines };
}
