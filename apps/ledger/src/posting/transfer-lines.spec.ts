import { describe, expect, it } from '@jest/globals';
import { evmNativeAssetId } from '@quittance/money';

import { asset, chainId } from '../../test/payment-events.js';
import { chartRuleOf } from './chart.js';
import { difference, type Line, mirrorOf, netLines } from './line.js';
import * as transfers from './transfer-lines.js';

const [merchant, payer] = [`0x${'11'.repeat(20)}`, `0x${'22'.repeat(20)}`];
const [treasury, relayer] = [`0x${'33'.repeat(20)}`, `0x${'44'.repeat(20)}`];
const wallet = `G:wallet:treasury:${chainId}:${treasury}`;
const edges = [1n, 2n ** 53n - 1n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 128n, 2n ** 256n - 1n];
const native = evmNativeAssetId(chainId);

const told = (lines: readonly Line[]): string[] =>
  lines.map((line) => `${line.layer} ${line.account} ${line.amount}`);

const cases: [string, (amount: bigint) => Line[], (amount: bigint) => string[]][] = [
  [
    'a refund goes back to the payer',
    (amount) => transfers.refundLines({ chainId, asset, merchant, payer, amount }),
    (x) => [`settled F:payer:${chainId}:${payer} ${x}`, `settled F:merchant:${chainId}:${merchant} ${-x}`],
  ],
  [
    'an unknown transfer to us is in suspense',
    (amount) => transfers.unknownTransferLines({ chainId, asset, wallet, direction: 'in', amount }),
    (x) => [`settled ${wallet} ${x}`, `settled G:suspense:${chainId} ${-x}`],
  ],
  [
    'an unknown transfer from us is in suspense',
    (amount) => transfers.unknownTransferLines({ chainId, asset, wallet, direction: 'out', amount }),
    (x) => [`settled ${wallet} ${-x}`, `settled G:suspense:${chainId} ${x}`],
  ],
  [
    'an explained transfer leaves suspense',
    (amount) =>
      transfers.explainedTransferLines({
        chainId,
        asset,
        account: 'G:equity:capital',
        direction: 'in',
        amount,
      }),
    (x) => [`settled G:suspense:${chainId} ${x}`, `settled G:equity:capital ${-x}`],
  ],
  [
    'a top-up that is sent is on its way',
    (amount) => transfers.topUpSentLines({ chainId, treasury, amount }),
    (x) => [`inflight G:transit:topup:${chainId} ${x}`, `inflight ${wallet} ${-x}`],
  ],
  [
    'what a token kept is not the merchant’s',
    (amount) => transfers.tokenFeeLines({ chainId, asset, payTo: merchant, paid: amount, arrived: 0n }),
    (x) => [
      `settled F:suspense:token-fee:${chainId} ${x}`,
      `settled F:merchant:${chainId}:${merchant} ${-x}`,
    ],
  ],
  [
    'what a token added is the merchant’s',
    (amount) => transfers.tokenFeeLines({ chainId, asset, payTo: merchant, paid: 0n, arrived: amount }),
    (x) => [
      `settled F:suspense:token-fee:${chainId} ${-x}`,
      `settled F:merchant:${chainId}:${merchant} ${x}`,
    ],
  ],
  [
    'a fee that is paid is in the wallet',
    (amount) => transfers.feePaidLines({ merchant: 'acme', asset, amount, wallet }),
    (x) => [`settled ${wallet} ${x}`, `settled G:receivable:fees:acme ${-x}`],
  ],
  [
    'a fee that is given back is taken from the revenue',
    (amount) => transfers.feeRefundedLines({ merchant: 'acme', asset, amount, scheme: 'upto' }),
    (x) => [`settled G:revenue:fee:upto:refunded ${x}`, `settled G:receivable:fees:acme ${-x}`],
  ],
  [
    'a fee that will not be paid is an expense',
    (amount) => transfers.feeWrittenOffLines({ merchant: 'acme', asset, amount }),
    (x) => [`settled G:expense:writeoff ${x}`, `settled G:receivable:fees:acme ${-x}`],
  ],
];

describe('what is seen beside payments', () => {
  it.each(cases)('%s', (_what, linesOf, expected) => {
    for (const amount of edges) {
      const lines = linesOf(amount);
      expect(told(lines)).toEqual(expected(amount));
      expect(lines.reduce((sum, line) => sum + line.amount, 0n)).toBe(0n);
      expect(lines.filter(({ account }) => chartRuleOf(account) === null)).toEqual([]);
      expect(netLines([...lines, ...mirrorOf(lines)])).toEqual([]);
    }
    expect(linesOf(0n)).toEqual([]);
  });

  it('a top-up that arrived is in the relayer’s wallet, and what it cost is an expense of the treasury', () => {
    const lines = transfers.topUpLines({ chainId, treasury, relayer, amount: 1_000n, fee: 21n });
    expect(told(netLines(lines))).toEqual([
      `settled G:expense:gas:${chainId}:topup 21`,
      `settled G:wallet:relayer:${chainId}:${relayer} 1000`,
      `settled ${wallet} -1021`,
    ]);
    expect(new Set(lines.map((line) => line.asset))).toEqual(new Set([native]));
    const sent = transfers.topUpSentLines({ chainId, treasury, amount: 1_000n });
    expect(netLines([...sent, ...mirrorOf(sent), ...lines])).toEqual(difference(lines, []));
  });
});
