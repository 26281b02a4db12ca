import { type AssetId, evmNativeAssetId } from '@quittance/money';

import { accountCode } from './account-code.js';
import { type Layer, type Line, netLines } from './line.js';
import { type PaymentFacts, stateOf } from './payment-facts.js';

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
  return facts.attempts.flatMap(({ gas }) =>
    gas === null
      ? []
      : move({
          to: accountCode.gasExpense(chainId, gas.outcome),
          from: accountCode.relayerWallet(chainId, gas.relayer),
          asset: evmNativeAssetId(chainId),
          layer: 'settled',
          amount: BigInt(gas.fee),
        }),
  );
}

/**
 * What a transaction under way may still cost. One attempt at most is outstanding: a next one is made only once the one
 * before it was displaced, which costs nothing. So the newest counts, until its gas is known (or that of one with the
 * same relayer nonce: only one of them can be mined). After a failure none is under way.
 */
function reserveLines({ attempts, chainId, failed }: PaymentFacts): Line[] {
  const newest = attempts.findLast(({ submitted }) => submitted !== null);
  if (failed !== null || !newest?.submitted || newest.gas !== null) return [];
  const { relayer, relayerNonce, reserve } = newest.submitted;
  const isMined = attempts.some(
    ({ gas, submitted }) =>
      gas !== null && submitted?.relayer === relayer && submitted.relayerNonce === relayerNonce,
  );
  if (isMined) return [];
  return move({
    to: accountCode.gasTransit(chainId),
    from: accountCode.relayerWallet(chainId, relayer),
    asset: evmNativeAssetId(chainId),
    layer: 'inflight',
    amount: BigInt(reserve),
  });
}

type Move = {
  readonly to: string;
  readonly from: string;
  readonly asset: AssetId;
  readonly layer: Layer;
  readonly amount: bigint;
};

function move({ to, from, asset, layer, amount }: Move): Line[] {
  return [
    { account: to, asset, layer, amount },
    { account: from, asset, layer, amount: -amount },
  ];
}
