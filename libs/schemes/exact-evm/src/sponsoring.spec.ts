import { describe, expect, it } from '@jest/globals';
import { atomicAmount } from '@quittance/money';
import type { ReasonCode } from '@quittance/protocol';
import type { Address } from 'viem';

import { approvalBy, approveData, withField } from '../test/approval.js';
import {
  exactScenario,
  judgePermit,
  permitOf,
  type PermitScenario,
  uptoScenario,
} from '../test/permit-scenario.js';
import { asset, nowSeconds, payer, somebodyElse, stranger } from '../test/scenario.js';
import { permit2Address } from './address.js';
import type { EvmFacts } from './facts.js';
import type { Eip2612Sponsoring, Sponsoring } from './payment.js';

const failing = (revert: string) => ({ simulation: { ok: false as const, revert } });

const permit2612: Eip2612Sponsoring = {
  kind: 'eip2612',
  from: payer.address.toLowerCase() as Address,
  asset,
  spender: permit2Address,
  amount: atomicAmount(10_000n),
  nonce: 3n,
  deadline: nowSeconds + 300n,
  signature: `0x${'11'.repeat(64)}1b`,
};

async function judge(
  sponsoring: Sponsoring,
  { facts, scenario = exactScenario }: { facts?: Partial<EvmFacts>; scenario?: PermitScenario } = {},
) {
  const changed = {
    ...scenario,
    terms: { ...scenario.terms, sponsoring },
    facts: { ...scenario.facts, allowance: 0n, ...facts },
  };
  return judgePermit(await permitOf(changed), changed);
}

const parties = (of: 'eip2612' | 'erc20_approval') =>
  [
    ['from', { from: somebodyElse }, `${of}_from_mismatch`],
    ['asset', { asset: somebodyElse }, `${of}_asset_mismatch`],
    ['spender', { spender: somebodyElse }, `${of}_spender_not_permit2`],
  ] as [string, Partial<Sponsoring>, ReasonCode][];

describe('An EIP-2612 permit that comes along', () => {
  it.each([exactScenario, uptoScenario])('lets a payment be made without an allowance', async (scenario) => {
    expect(await judge(permit2612, { scenario })).toEqual({ ok: true });
  });

  it.each<[string, Partial<Sponsoring>, ReasonCode]>([
    ...parties('eip2612'),
    ['deadline', { deadline: nowSeconds + 5n }, 'eip2612_deadline_expired'],
    ['amount', { amount: atomicAmount(10_001n) }, 'permit2_2612_amount_mismatch'],
  ])('is refused with another %s', async (_field, change, reason) => {
    const verdict = await judge({ ...permit2612, ...change } as Sponsoring);
    expect(verdict).toEqual({
      ok: false,
      reason,
      message: expect.stringContaining(String(Object.values(change)[0])),
    });
  });

  it('is enough until the last moment', async () => {
    expect(await judge({ ...permit2612, deadline: nowSeconds + 6n })).toEqual({ ok: true });
  });

  it('that the token does not take leaves the allowance missing', async () => {
    expect(await judge(permit2612, { facts: failing('TRANSFER_FROM_FAILED') })).toMatchObject({
      reason: 'permit2_allowance_required',
      message: expect.stringContaining('EIP-2612'),
    });
  });

  it('is not blamed for what the proxy refused', async () => {
    expect(await judge(permit2612, { facts: failing('0xac6b05f5') })).toMatchObject({
      reason: 'permit2_invalid_destination',
    });
  });

  it('is looked at after the payer’s signature and before the balance', async () => {
    const foreign = { ...permit2612, from: somebodyElse };
    expect(await judge(foreign, { scenario: { ...exactScenario, signer: stranger } })).toMatchObject({
      reason: 'invalid_permit2_signature',
    });
    expect(await judge(foreign, { facts: { balance: 0n } })).toMatchObject({
      reason: 'eip2612_from_mismatch',
    });
  });
});

describe('A signed approval that comes along', () => {
  it.each(['TRANSFER_FROM_FAILED', 'ERC20: transfer amount exceeds allowance', '0xfb8f41b2', '0x7939f424'])(
    'lets a settlement fail that was tried without it, with "%s"',
    async (revert) => {
      for (const scenario of [exactScenario, uptoScenario]) {
        expect(await judge(await approvalBy(payer), { scenario, facts: failing(revert) })).toEqual({
          ok: true,
        });
      }
    },
  );

  it.each<[string, Partial<EvmFacts>, ReasonCode]>([
    ['a used nonce', failing('0x756688fe'), 'permit2_invalid_nonce'],
    ['another reason', failing('Blacklistable: account is blacklisted'), 'permit2_simulation_failed'],
    ['no reason', failing(''), 'permit2_simulation_failed'],
    [
      'the same reason where the allowance is there',
      { ...failing('TRANSFER_FROM_FAILED'), allowance: 10_000n },
      'permit2_simulation_failed',
    ],
    [
      'too little money',
      { ...failing('TRANSFER_FROM_FAILED'), balance: 9_999n },
      'permit2_insufficient_balance',
    ],
    ['no proxy', { ...failing(''), proxyHasCode: false }, 'permit2_proxy_not_deployed'],
  ])('does not excuse %s', async (_what, facts, reason) => {
    expect(await judge(await approvalBy(payer), { facts })).toMatchObject({ reason });
  });

  it('may be a legacy transaction', async () => {
    const legacy = { type: 'legacy', gasPrice: 1n, maxFeePerGas: undefined, maxPriorityFeePerGas: undefined };
    expect(await judge(await approvalBy(payer, legacy))).toEqual({ ok: true });
  });

  it.each(parties('erc20_approval'))('is refused with another %s', async (_field, change, reason) => {
    expect(await judge({ ...(await approvalBy(payer)), ...change } as Sponsoring)).toMatchObject({ reason });
  });

  const inTransaction: [string, Record<string, unknown>, ReasonCode, string][] = [
    ['another target', { to: somebodyElse }, 'erc20_approval_tx_wrong_target', somebodyElse],
    ['no target', { to: undefined }, 'erc20_approval_tx_wrong_target', 'no contract'],
    ['another chain', { chainId: 8_453 }, 'erc20_approval_tx_wrong_target', '8453'],
    [
      'no chain in particular',
      {
        type: 'legacy',
        chainId: undefined,
        gasPrice: 1n,
        maxFeePerGas: undefined,
        maxPriorityFeePerGas: undefined,
      },
      'erc20_approval_tx_wrong_target',
      'no chain',
    ],
    ['another function', { data: '0xa9059cbb' }, 'erc20_approval_tx_wrong_selector', 'approve'],
    ['no calldata', { data: undefined }, 'erc20_approval_tx_wrong_selector', 'approve'],
    [
      'calldata cut off',
      { data: approveData().slice(0, -2) },
      'erc20_approval_tx_invalid_calldata',
      'amount',
    ],
    ['calldata and more', { data: `${approveData()}00` }, 'erc20_approval_tx_invalid_calldata', 'amount'],
    [
      'a spender of more than 20 bytes',
      { data: approveData().replace(/^(0x.{8})0/, '$11') },
      'erc20_approval_tx_invalid_calldata',
      'address',
    ],
    ['another spender', { data: approveData(somebodyElse) }, 'erc20_approval_tx_wrong_spender', somebodyElse],
    [
      'another amount than the extension says',
      { data: approveData(permit2Address, 10_000n) },
      'erc20_approval_tx_invalid_calldata',
      '10000',
    ],
    ['more gas than an approval takes', { gas: 150_001n }, 'erc20_approval_tx_too_expensive', '150001'],
    ['money along', { value: 5n }, 'erc20_approval_tx_invalid_calldata', '5 wei'],
  ];

  it.each(inTransaction)(
    'is refused with %s in its transaction',
    async (_what, changes, ...[reason, says]) => {
      expect(await judge(await approvalBy(payer, changes))).toEqual({
        ok: false,
        reason,
        message: expect.stringContaining(says),
      });
    },
  );

  it('is refused where it approves less than is permitted', async () => {
    const approval = await approvalBy(payer, { data: approveData(permit2Address, 9_999n) });
    expect(await judge({ ...approval, amount: atomicAmount(9_999n) })).toMatchObject({
      reason: 'erc20_approval_tx_invalid_calldata',
      message: expect.stringContaining('9999'),
    });
  });

  it('is refused where somebody else signed it', async () => {
    expect(await judge(await approvalBy(stranger))).toMatchObject({
      reason: 'erc20_approval_tx_signer_mismatch',
      message: expect.stringContaining(stranger.address.toLowerCase()),
    });
  });

  it('is refused where nobody can have signed it', async () => {
    const approval = await approvalBy(payer);
    const signedTransaction = withField(approval.signedTransaction, 11, `0x${'ff'.repeat(32)}`);
    expect(await judge({ ...approval, signedTransaction })).toMatchObject({
      reason: 'erc20_approval_tx_invalid_signature',
    });
  });

  it.each(['0x', '0x02', '0xc0', '0x1234'] as const)(
    'is refused where it is %s',
    async (signedTransaction) => {
      expect(await judge({ ...(await approvalBy(payer)), signedTransaction })).toMatchObject({
        reason: 'erc20_approval_tx_parse_failed',
      });
    },
  );
});
