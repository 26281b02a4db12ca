import { describe, expect, it } from '@jest/globals';
import type { Sponsoring } from '@quittance/exact-evm';
import { atomicAmount } from '@quittance/money';
import { privateKeyToAccount, generatePrivateKey } from 'viem/accounts';

import type { Hex } from '../payment/payment.js';
import { type Approval, type ApprovalFacts, approvalOf, nextStep } from './approval.js';

const approval: Approval = { raw: '0x02', hash: '0x01', nonce: 4n, feePerGasMax: 10n, cost: 1_000n };
const facts: ApprovalFacts = {
  standing: { wei: 0n, nonce: 4n },
  mined: null,
  topUp: 'none',
  fees: { baseFee: 10n },
  topUpMaxWei: 1_000n,
};
const refuses = (reason: string) => ({ kind: 'refuse', reason });

describe('the next step of an approval', () => {
  it.each([
    ['gives the payer what it lacks', {}, { kind: 'top_up', wei: 1_000n }],
    ['gives no more than that', { standing: { wei: 999n, nonce: 4n } }, { kind: 'top_up', wei: 1n }],
    ['sends it where the payer has the gas', { standing: { wei: 1_000n, nonce: 4n } }, { kind: 'broadcast' }],
    ['waits for gas that is on its way', { topUp: 'outstanding' }, { kind: 'wait' }],
    ['waits for blocks that are cheap enough', { fees: { baseFee: 11n } }, { kind: 'wait' }],
    ['is none for more than is given', { topUpMaxWei: 999n }, refuses('erc20_approval_tx_too_expensive')],
    ['gives nothing twice', { topUp: 'mined' }, refuses('erc20_approval_broadcast_failed')],
    [
      'is none where the nonce is used',
      { standing: { wei: 0n, nonce: 5n } },
      refuses('erc20_approval_broadcast_failed'),
    ],
    [
      'is none where it is not its turn',
      { standing: { wei: 0n, nonce: 3n } },
      refuses('erc20_approval_broadcast_failed'),
    ],
    ['is none where it reverted', { mined: 'reverted' }, refuses('erc20_approval_tx_failed')],
    ['is none where it was mined in vain', { mined: 'success' }, refuses('erc20_approval_tx_failed')],
  ] as const)('%s', (_, changes, step) => {
    expect(nextStep(approval, { ...facts, ...changes })).toMatchObject(step);
  });

  it('on a chain without a base fee looks at nothing of the kind', () => {
    expect(nextStep(approval, { ...facts, fees: { baseFee: null } })).toMatchObject({ kind: 'top_up' });
  });
});

describe('an approval that came with a payment', () => {
  const key = privateKeyToAccount(generatePrivateKey());
  const from = key.address.toLowerCase() as Hex;
  const sign = (value = 0n) =>
    key.signTransaction({
      type: 'eip1559',
      chainId: 1,
      to: from,
      nonce: 7,
      gas: 70_000n,
      maxFeePerGas: 4n,
      maxPriorityFeePerGas: 1n,
      value,
    });
  const sponsoring = (signedTransaction: Hex, owner = from): Sponsoring => ({
    kind: 'erc20_approval',
    from: owner,
    asset: from,
    spender: from,
    amount: atomicAmount(1n),
    signedTransaction,
  });

  it('costs its gas at its price, and a quarter for what rollups charge', async () => {
    expect(approvalOf(sponsoring(await sign()))).toMatchObject({
      nonce: 7n,
      feePerGasMax: 4n,
      cost: 350_000n,
    });
  });

  it('is none that sends wei along, of somebody else, that cannot be read, or of another kind', async () => {
    expect(approvalOf(sponsoring(await sign(1n)))).toBeNull();
    expect(approvalOf(sponsoring(await sign(), `0x${'11'.repeat(20)}`))).toBeNull();
    expect(approvalOf(sponsoring('0x02f8'))).toBeNull();
    expect(approvalOf(null)).toBeNull();
  });
});
