import { type AssetId, evmNativeAssetId } from '@quittance/money';

import { accountCode } from './account-code.js';
import { type Layer, type Line, netLines } from './line.js';
import { gasSpent, type PaymentFacts, reservesOf, stateOf } from './payment-facts.js';

/**
 * What the books must show for a payment of which this is known, over all of its lines. Posting the difference to
 * what they show makes every order and every repetition of events end the same.
 */
export function target(facts: PaymentFacts): Line[] {
  return netLines([...flowLines(facts), ...expenseLines(facts), ...reserveLines(facts)]);
}

function flowLines(facts: PaymentFacts): Line[] {
  const { chainId, asset, payer, payTo } = facts;
  const amount = BigInt(facts.amount);
  const from = accountCode.payer(chainId, payer);
  switch (stateOf(facts)) {
    case 'accepted':
      return move({ to: accountCode.authorized(chainId), from, asset, layer: 'encumbered', amount });
    case 'submitted':
      return move({ to: accountCode.transit(chainId), from, asset, layer: 'inflight', amount });
    case 'confirmed':
      return move({ to: accountCode.merchant(chainId, payTo), from, asset, layer: 'settled', amount });
    case 'failed':
    case 'expired':
      return [];
  }
}

function expenseLines(facts: PaymentFacts): Line[] {
  const { chainId } = facts;
  return gasSpent(facts).flatMap(({ relayer, outcome, fee }) =>
    move({
      to: accountCode.gasExpense(chainId, outcome),
      from: accountCode.relayerWallet(chainId, relayer),
      asset: evmNativeAssetId(chainId),
      layer: 'settled',
      amount: BigInt(fee),
    }),
  );
}

function reserveLines(facts: PaymentFacts): Line[] {
  const { chainId } = facts;
  return reservesOf(facts).flatMap(({ relayer, amount }) =>
    move({
      to: accountCode.gasTransit(chainId),
      from: accountCode.relayerWallet(chainId, relayer),
      asset: evmNativeAssetId(chainId),
      layer: 'inflight',
      amount,
    }),
  );
}

export type Move = {
  readonly to: string;
  readonly from: string;
  readonly asset: AssetId;
  readonly layer: Layer;
  readonly amount: bigint;
};

/** A debit and the credit that it comes from. */
export function move({ to, from, asset, layer, amount }: Move): Line[] {
  return [
    { account: to, asset, layer, amount },
    { account: from, asset, layer, amount: -amount },
  ];
}
