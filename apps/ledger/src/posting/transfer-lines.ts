import { type AssetId, type ChainId, evmNativeAssetId } from '@quittance/money';

import { accountCode } from './account-code.js';
import { type Line, move } from './line.js';

/** Lines of what is seen on chain beside the settlements of payments. All of it has happened: it is settled. */

export type RefundSeen = {
  readonly chainId: ChainId;
  readonly asset: AssetId;
  readonly merchant: string;
  readonly payer: string;
  readonly amount: bigint;
};

/** A merchant sent a payer money back, by himself: book F. */
export function refundLines({ chainId, asset, merchant, payer, amount }: RefundSeen): Line[] {
  const [to, from] = [accountCode.payer(chainId, payer), accountCode.merchant(chainId, merchant)];
  return move({ to, from, asset, layer: 'settled', amount });
}

export type UnknownTransfer = {
  readonly chainId: ChainId;
  readonly asset: AssetId;
  /** The code of a wallet of ours. */
  readonly wallet: string;
  readonly direction: 'in' | 'out';
  readonly amount: bigint;
};

/** Something reached or left a wallet of ours that nothing in the books explains: book G. */
export function unknownTransferLines(transfer: UnknownTransfer): Line[] {
  const { chainId, asset, wallet, direction, amount } = transfer;
  const signed = direction === 'in' ? amount : -amount;
  return move({ to: wallet, from: accountCode.suspense(chainId), asset, layer: 'settled', amount: signed });
}

export type ExplainedTransfer = Omit<UnknownTransfer, 'wallet'> & {
  /** Where it belongs. */
  readonly account: string;
};

/** What an unknown transfer was is found out: it leaves suspense for the account that it belongs to. */
export function explainedTransferLines(transfer: ExplainedTransfer): Line[] {
  const { chainId, asset, account, direction, amount } = transfer;
  const signed = direction === 'in' ? amount : -amount;
  return move({ to: accountCode.suspense(chainId), from: account, asset, layer: 'settled', amount: signed });
}

export type TopUp = {
  readonly chainId: ChainId;
  readonly treasury: string;
  readonly relayer: string;
  readonly amount: bigint;
  /** What the transaction itself cost; the treasury paid that too. */
  readonly fee: bigint;
};

/** The treasury gave a relayer native coin for gas: book G. */
export function topUpLines({ chainId, treasury, relayer, amount, fee }: TopUp): Line[] {
  const from = accountCode.treasuryWallet(chainId, treasury);
  const native = { from, asset: evmNativeAssetId(chainId), layer: 'settled' } as const;
  return [
    ...move({ ...native, to: accountCode.relayerWallet(chainId, relayer), amount }),
    ...move({ ...native, to: accountCode.gasExpense(chainId, 'topup'), amount: fee }),
  ];
}

/** A top-up that is sent and not yet seen to arrive: book G, in flight. Its mirror goes with `topUpLines`. */
export function topUpSentLines({ chainId, treasury, amount }: Omit<TopUp, 'relayer' | 'fee'>): Line[] {
  const [to, from] = [accountCode.topUpTransit(chainId), accountCode.treasuryWallet(chainId, treasury)];
  return move({ to, from, asset: evmNativeAssetId(chainId), layer: 'inflight', amount });
}

export type TokenFee = {
  readonly chainId: ChainId;
  readonly asset: AssetId;
  readonly payTo: string;
  /** What the payment says, and what the token's own log says. */
  readonly paid: bigint;
  readonly arrived: bigint;
};

/** A token gave the merchant less than the payer lost, or more: the log is right, and the rest is in suspense. Book F. */
export function tokenFeeLines({ chainId, asset, payTo, paid, arrived }: TokenFee): Line[] {
  const [to, from] = [accountCode.tokenFeeSuspense('F', chainId), accountCode.merchant(chainId, payTo)];
  return move({ to, from, asset, layer: 'settled', amount: paid - arrived });
}

export type FeeClaim = { readonly merchant: string; readonly asset: AssetId; readonly amount: bigint };

/** A merchant paid what it owed, to a wallet of ours: book G. */
export function feePaidLines({ merchant, asset, amount, wallet }: FeeClaim & { wallet: string }): Line[] {
  const from = accountCode.feeReceivable(merchant);
  return move({ to: wallet, from, asset, layer: 'settled', amount });
}

/** A fee is given back, by policy, after a refund: book G. */
export function feeRefundedLines({ merchant, asset, amount, scheme }: FeeClaim & { scheme: string }): Line[] {
  const [to, from] = [accountCode.feeRefunded(scheme), accountCode.feeReceivable(merchant)];
  return move({ to, from, asset, layer: 'settled', amount });
}

/** A fee will not be paid: book G. */
export function feeWrittenOffLines({ merchant, asset, amount }: FeeClaim): Line[] {
  const from = accountCode.feeReceivable(merchant);
  return move({ to: accountCode.writeoff, from, asset, layer: 'settled', amount });
}
