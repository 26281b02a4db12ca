import { evmNativeAssetId } from '@quittance/money';

import { accountCode } from './account-code.js';
import { type Line, move, netLines } from './line.js';
import { feeOf, gasSpent, type PaymentFacts, reservesOf, stateOf } from './payment-facts.js';

/**
 * What the books must show for a payment of which this is known, over all of its lines. Posting the difference to
 * what they show makes every order and every repetition of events end the same.
 */
export function target(facts: PaymentFacts): Line[] {
  return netLines([...flowLines(facts), ...feeLines(facts), ...expenseLines(facts), ...reserveLines(facts)]);
}

function flowLines(facts: PaymentFacts): Line[] {
  const { chainId, asset, payer, payTo } = facts;
  const amount = BigInt(facts.amount);
  const from = accountCode.payer(chainId, payer);
  switch (stateOf(facts)) {
    case 'accepted': {
      // The payer may lose all that was signed, until it is sent what is taken of it.
      const ceiling = BigInt(facts.accepted?.ceiling ?? facts.amount);
      return move({
        to: accountCode.authorized(chainId),
        from,
        asset,
        layer: 'encumbered',
        amount: ceiling,
      });
    }
    case 'submitted':
      return move({ to: accountCode.transit(chainId), from, asset, layer: 'inflight', amount });
    case 'confirmed':
      return move({ to: accountCode.merchant(chainId, payTo), from, asset, layer: 'settled', amount });
    case 'failed':
    case 'expired':
      return [];
  }
}

function feeLines(facts: PaymentFacts): Line[] {
  const fee = feeOf(facts);
  if (fee === null) return [];
  return move({
    to: accountCode.feeReceivable(fee.merchant),
    from: accountCode.feeRevenue(fee.scheme),
    asset: facts.asset,
    layer: 'settled',
    amount: BigInt(fee.amount),
  });
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
