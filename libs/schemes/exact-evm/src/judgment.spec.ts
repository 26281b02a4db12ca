import { describe, expect, it } from '@jest/globals';
import { atomicAmount } from '@quittance/money';
import type { ReasonCode } from '@quittance/protocol';

import {
  asset,
  goodScenario,
  judge as judgePayment,
  nowSeconds,
  paymentOf,
  type Scenario,
  somebodyElse,
  stranger,
} from '../test/scenario.js';
import type { EvmFacts } from './facts.js';
import type { Eip3009Payment } from './payment.js';

const reverted = (revert: string) => ({ simulation: { ok: false as const, revert } });
const withTerms = (terms: Partial<Eip3009Payment>) => (scenario: Scenario) => ({
  ...scenario,
  terms: { ...scenario.terms, ...terms },
});
const withFacts = (facts: Partial<EvmFacts>) => (scenario: Scenario) => ({
  ...scenario,
  facts: { ...scenario.facts, ...facts },
});

type Fault = {
  readonly reason: ReasonCode;
  readonly make: (scenario: Scenario) => Scenario;
  readonly says: string;
};

/** One fault for each rule, in the order of the rules. */
const faults: readonly Fault[] = [
  {
    reason: 'invalid_exact_evm_payload_signature',
    make: (scenario) => ({ ...scenario, signer: stranger }),
    says: 'not by the payer',
  },
  {
    reason: 'invalid_exact_evm_payload_recipient_mismatch',
    make: withTerms({ payTo: somebodyElse }),
    says: somebodyElse,
  },
  {
    reason: 'invalid_exact_evm_payload_authorization_valid_before',
    make: withTerms({ validBefore: nowSeconds + 5n }),
    says: `${nowSeconds + 6n}`,
  },
  {
    reason: 'invalid_exact_evm_payload_authorization_valid_after',
    make: withTerms({ validAfter: nowSeconds + 1n }),
    says: `${nowSeconds + 1n}`,
  },
  {
    reason: 'invalid_exact_evm_payload_authorization_value_mismatch',
    make: withTerms({ value: atomicAmount(10_001n) }),
    says: '10001',
  },
  { reason: 'asset_not_deployed_contract', make: withFacts({ assetHasCode: false }), says: asset },
  {
    reason: 'invalid_exact_evm_eip3009_not_supported',
    make: withFacts({ authorizationUsed: null }),
    says: 'EIP-3009',
  },
  {
    reason: 'invalid_exact_evm_nonce_already_used',
    make: withFacts({ authorizationUsed: true }),
    says: 'used',
  },
  {
    reason: 'invalid_exact_evm_token_name_mismatch',
    make: withFacts({ tokenName: 'USD Coin', ...reverted('FiatTokenV2: invalid signature') }),
    says: '"USD Coin"',
  },
  {
    reason: 'invalid_exact_evm_token_version_mismatch',
    make: withFacts({ tokenVersion: '1', ...reverted('FiatTokenV2: invalid signature') }),
    says: '"1"',
  },
  { reason: 'insufficient_funds', make: withFacts({ balance: 9_999n }), says: '9999' },
  {
    reason: 'invalid_exact_evm_transaction_simulation_failed',
    make: withFacts(reverted('Blacklistable: account is blacklisted')),
    says: 'blacklisted',
  },
];

const pairs = faults.flatMap((first, index) =>
  faults
    .slice(index + 1)
    // The two that cannot be together: an authorization state that is unknown, and known to be used.
    .filter(
      (second) =>
        first.reason !== 'invalid_exact_evm_eip3009_not_supported' ||
        second.reason !== 'invalid_exact_evm_nonce_already_used',
    )
    .map((second) => ({ first, second })),
);

async function judge(scenario: Scenario) {
  return judgePayment(await paymentOf(scenario), scenario.facts);
}

describe('Judging a payment by exact on EVM', () => {
  it('accepts a good one', async () => {
    expect(await judge(goodScenario)).toEqual({ ok: true });
  });

  it.each(faults)('refuses with $reason', async ({ reason, make, says }) => {
    const verdict = await judge(make(goodScenario));
    expect(verdict).toEqual({ ok: false, reason, message: expect.stringContaining(says) });
  });

  it.each(pairs)('names $first.reason before $second.reason', async ({ first, second }) => {
    for (const scenario of [first.make(second.make(goodScenario)), second.make(first.make(goodScenario))]) {
      expect(await judge(scenario)).toMatchObject({ ok: false, reason: first.reason });
    }
  });

  it('refuses a good signature as soon as anything it covers is changed', async () => {
    const payment = await paymentOf(goodScenario);
    const changes: Partial<Eip3009Payment>[] = [
      { payer: somebodyElse },
      { payTo: somebodyElse },
      { value: atomicAmount(9_999n) },
      { validAfter: 1n },
      { validBefore: payment.validBefore + 1n },
      { nonce: `0x${'7b'.repeat(32)}` },
      { asset: somebodyElse },
      { chainNumber: 8_453 },
      { domain: { name: 'USD Coin', version: '2' } },
      { domain: { name: 'USDC', version: '1' } },
    ];
    for (const change of changes) {
      const verdict = judgePayment({ ...payment, ...change }, goodScenario.facts);
      expect({ change, verdict }).toMatchObject({
        verdict: { reason: 'invalid_exact_evm_payload_signature' },
      });
    }
  });

  it('refuses the payment of a seller who asks for another recipient or amount', async () => {
    const payment = await paymentOf(goodScenario);
    const asking = (requirements: Partial<Eip3009Payment['requirements']>) =>
      judgePayment(
        { ...payment, requirements: { ...payment.requirements, ...requirements } },
        goodScenario.facts,
      );
    expect(asking({ payTo: somebodyElse })).toMatchObject({
      reason: 'invalid_exact_evm_payload_recipient_mismatch',
    });
    expect(asking({ amount: atomicAmount(9_999n) })).toMatchObject({
      reason: 'invalid_exact_evm_payload_authorization_value_mismatch',
    });
  });

  it('needs six seconds before the end, by our clock and by the chain’s', async () => {
    const lastMoment = withTerms({ validBefore: nowSeconds + 6n })(goodScenario);
    expect(await judge(lastMoment)).toEqual({ ok: true });
    expect(await judge(withFacts({ blockTime: nowSeconds + 1n })(lastMoment))).toMatchObject({
      reason: 'invalid_exact_evm_payload_authorization_valid_before',
    });
  });

  it('accepts from the second of validAfter on', async () => {
    expect(await judge(withTerms({ validAfter: nowSeconds })(goodScenario))).toEqual({ ok: true });
  });

  it('lets a transfer that would succeed prove the domain, whatever name() says', async () => {
    const renamed = withFacts({ tokenName: 'Bridged USDC', tokenVersion: null })(goodScenario);
    expect(await judge(renamed)).toEqual({ ok: true });
  });

  it('refuses an asset that takes any call, so that the transfer only seems to succeed', async () => {
    const takesAnything = { authorizationUsed: null, tokenName: null, tokenVersion: null, balance: null };
    expect(await judge(withFacts(takesAnything)(goodScenario))).toMatchObject({
      reason: 'invalid_exact_evm_eip3009_not_supported',
    });
  });

  it('accepts exactly the balance', async () => {
    expect(await judge(withFacts({ balance: 10_000n })(goodScenario))).toEqual({ ok: true });
  });

  describe('when the chain’s last block is older than validAfter', () => {
    const idle = withFacts({ blockTime: nowSeconds - 900n })(
      withTerms({ validAfter: nowSeconds - 600n })(goodScenario),
    );

    it.each(['FiatTokenV2: authorization is not yet valid', '', '0x1f2a2005'])(
      'takes a simulation that reverts with "%s" for no proof',
      async (revert) => {
        expect(await judge(withFacts(reverted(revert))(idle))).toEqual({ ok: true });
      },
    );

    it('still believes a simulation that fails for something else', async () => {
      expect(await judge(withFacts(reverted('Blacklistable: account is blacklisted'))(idle))).toMatchObject({
        reason: 'invalid_exact_evm_transaction_simulation_failed',
      });
    });

    it('still believes an error of the contract’s that is known and about something else', async () => {
      expect(await judge(withFacts(reverted('0xe450d38c'))(idle))).toMatchObject({
        reason: 'invalid_exact_evm_transaction_simulation_failed',
        message: expect.stringContaining('ERC20InsufficientBalance'),
      });
      expect(await judge(withFacts(reverted('0xdf8e4372'))(idle))).toEqual({ ok: true });
    });

    it('still refuses a used authorization and an empty account', async () => {
      const revert = reverted('FiatTokenV2: authorization is not yet valid');
      expect(await judge(withFacts({ ...revert, authorizationUsed: true })(idle))).toMatchObject({
        reason: 'invalid_exact_evm_nonce_already_used',
      });
      expect(await judge(withFacts({ ...revert, balance: 0n })(idle))).toMatchObject({
        reason: 'insufficient_funds',
      });
    });

    it('believes it again once a newer block is there', async () => {
      const revert = reverted('FiatTokenV2: authorization is not yet valid');
      expect(await judge(withFacts({ ...revert, blockTime: nowSeconds })(idle))).toMatchObject({
        reason: 'invalid_exact_evm_transaction_simulation_failed',
      });
    });
  });
});
