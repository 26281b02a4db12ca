import { describe, expect, it } from '@jest/globals';
import { atomicAmount } from '@quittance/money';
import type { ReasonCode } from '@quittance/protocol';
import { type Hex, serializeErc6492Signature, toFunctionSelector } from 'viem';

import {
  exactScenario,
  factory,
  judgePermit,
  permitOf,
  type PermitScenario,
  relayer,
  uptoScenario,
} from '../test/permit-scenario.js';
import { asset, nowSeconds, payer, somebodyElse, stranger } from '../test/scenario.js';
import type { EvmFacts } from './facts.js';
import type { Permit2Payment } from './payment.js';

const reverted = (revert: string) => ({ simulation: { ok: false as const, revert } });
const withTerms = (terms: Partial<Permit2Payment>) => (scenario: PermitScenario) => ({
  ...scenario,
  terms: { ...scenario.terms, ...terms },
});
const withFacts = (facts: Partial<EvmFacts>) => (scenario: PermitScenario) => ({
  ...scenario,
  facts: { ...scenario.facts, ...facts },
});
const asking = (requirements: Partial<Permit2Payment['requirements']>) => (scenario: PermitScenario) =>
  withTerms({ requirements: { ...scenario.terms.requirements, ...requirements } })(scenario);
const judge = async (scenario: PermitScenario) => judgePermit(await permitOf(scenario), scenario);

type Fault = {
  readonly reason: ReasonCode;
  readonly make: (scenario: PermitScenario) => PermitScenario;
  readonly says: string;
};

/** One fault for each rule, in the order of the rules. */
const faults: readonly Fault[] = [
  { reason: 'invalid_permit2_spender', make: withTerms({ spender: somebodyElse }), says: somebodyElse },
  {
    reason: 'invalid_permit2_recipient_mismatch',
    make: withTerms({ payTo: somebodyElse }),
    says: somebodyElse,
  },
  {
    reason: 'permit2_deadline_expired',
    make: withTerms({ validBefore: nowSeconds + 5n }),
    says: `${nowSeconds + 6n}`,
  },
  {
    reason: 'permit2_not_yet_valid',
    make: withTerms({ validAfter: nowSeconds + 1n }),
    says: `${nowSeconds + 1n}`,
  },
  { reason: 'permit2_amount_mismatch', make: withTerms({ value: atomicAmount(10_001n) }), says: '10001' },
  { reason: 'permit2_token_mismatch', make: withTerms({ token: somebodyElse }), says: somebodyElse },
  { reason: 'asset_not_deployed_contract', make: withFacts({ assetHasCode: false }), says: asset },
  {
    reason: 'invalid_permit2_signature',
    make: (scenario) => ({ ...scenario, signer: stranger }),
    says: 'not by the payer',
  },
  {
    reason: 'permit2_proxy_not_deployed',
    make: withFacts({ proxyHasCode: false }),
    says: exactScenario.terms.spender,
  },
  {
    reason: 'permit2_invalid_nonce',
    make: withFacts({ authorizationUsed: true }),
    says: `${BigInt(exactScenario.terms.nonce)}`,
  },
  { reason: 'permit2_insufficient_balance', make: withFacts({ balance: 9_999n }), says: '9999' },
  {
    reason: 'permit2_allowance_required',
    make: withFacts({ allowance: 9_999n, ...reverted('TRANSFER_FROM_FAILED') }),
    says: '9999',
  },
  {
    reason: 'permit2_simulation_failed',
    make: withFacts(reverted('TRANSFER_FROM_FAILED')),
    says: 'TRANSFER_FROM_FAILED',
  },
];

const pairs = faults.flatMap((first, index) => faults.slice(index + 1).map((second) => ({ first, second })));

describe('Judging a payment by exact with Permit2', () => {
  it('accepts a good one', async () => {
    expect(await judge(exactScenario)).toEqual({ ok: true });
  });

  it.each(faults)('refuses with $reason', async ({ reason, make, says }) => {
    expect(await judge(make(exactScenario))).toEqual({
      ok: false,
      reason,
      message: expect.stringContaining(says),
    });
  });

  it.each(pairs)('names $first.reason before $second.reason', async ({ first, second }) => {
    // The later fault first, for both may be made by the same field.
    expect(await judge(first.make(second.make(exactScenario)))).toMatchObject({ reason: first.reason });
  });

  it('refuses a good signature as soon as anything it covers is changed', async () => {
    for (const scenario of [exactScenario, uptoScenario]) {
      const payment = await permitOf(scenario);
      const changes: Partial<Permit2Payment>[] = [
        { payer: somebodyElse },
        { validAfter: 1n },
        { validBefore: payment.validBefore + 1n },
        { nonce: `0x${'7b'.repeat(32)}` },
        { chainNumber: 8_453 },
        { payTo: somebodyElse, requirements: { ...payment.requirements, payTo: somebodyElse } },
        { value: atomicAmount(9n), requirements: { ...payment.requirements, amount: atomicAmount(9n) } },
        { token: somebodyElse, asset: somebodyElse },
      ];
      for (const change of changes) {
        expect({ change, verdict: judgePermit({ ...payment, ...change }, scenario) }).toMatchObject({
          verdict: { reason: 'invalid_permit2_signature' },
        });
      }
    }
  });

  it('does not take the spender of the other scheme', async () => {
    expect(await judge(withTerms({ spender: uptoScenario.terms.spender })(exactScenario))).toMatchObject({
      reason: 'invalid_permit2_spender',
    });
  });

  it('refuses where Permit2 itself does not answer', async () => {
    expect(await judge(withFacts({ authorizationUsed: null })(exactScenario))).toMatchObject({
      reason: 'permit2_proxy_not_deployed',
      message: expect.stringContaining('nonceBitmap'),
    });
  });

  it('lets a settlement that would succeed prove the allowance', async () => {
    expect(await judge(withFacts({ allowance: null })(exactScenario))).toEqual({ ok: true });
    expect(await judge(withFacts({ allowance: 0n })(exactScenario))).toEqual({ ok: true });
  });

  it('takes a signature with the upper s, as Permit2 does', async () => {
    const payment = await permitOf(exactScenario);
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
    const s = (order - BigInt(`0x${payment.signature.slice(66, 130)}`)).toString(16).padStart(64, '0');
    const v = payment.signature.endsWith('1b') ? '1c' : '1b';
    const signature: Hex = `0x${payment.signature.slice(2, 66)}${s}${v}`;
    expect(judgePermit({ ...payment, signature }, exactScenario)).toEqual({ ok: true });
  });

  it.each<[string, Hex, ReasonCode]>([
    ['is too short', `0x${'11'.repeat(64)}`, 'invalid_permit2_signature'],
    ['is too long', `0x${'11'.repeat(66)}`, 'invalid_permit2_signature'],
    ['has a broken wrapping', `0x11${'6492'.repeat(16)}`, 'invalid_permit2_signature'],
    [
      'is by a wallet of a factory that may not be called',
      serializeErc6492Signature({ address: somebodyElse, data: '0x12', signature: '0x34' }),
      'eip6492_factory_not_allowed',
    ],
  ])('refuses a signature that %s', (_what, signature, reason) => {
    expect(judgePermit({ ...exactScenario.terms, signature }, exactScenario)).toMatchObject({ reason });
  });

  it('leaves the signature of a wallet to be deployed to the simulation', () => {
    const signature = serializeErc6492Signature({ address: factory, data: '0x12', signature: '0x34' });
    const payment = { ...exactScenario.terms, signature };
    expect(judgePermit(payment, exactScenario)).toEqual({ ok: true });
    expect(judgePermit(payment, withFacts(reverted('0xb0669cbc'))(exactScenario))).toMatchObject({
      reason: 'invalid_permit2_signature',
    });
  });

  it('takes a wallet’s word for its signature, and only that', async () => {
    const wallet = withFacts({ payerHasCode: true, signatureAccepted: true });
    const signature: Hex = '0x1234';
    expect(judgePermit({ ...exactScenario.terms, signature }, wallet(exactScenario))).toEqual({ ok: true });
    for (const signatureAccepted of [false, null]) {
      const refusing = withFacts({ payerHasCode: true, signatureAccepted })(exactScenario);
      expect(await judge(refusing)).toMatchObject({ reason: 'invalid_permit2_signature' });
    }
  });
});

describe('A simulation of a Permit2 settlement that reverts', () => {
  it.each<[string, ReasonCode]>([
    ['InvalidNonce()', 'permit2_invalid_nonce'],
    ['InvalidSigner()', 'invalid_permit2_signature'],
    ['InvalidSignature()', 'invalid_permit2_signature'],
    ['InvalidSignatureLength()', 'invalid_permit2_signature'],
    ['InvalidContractSignature()', 'invalid_permit2_signature'],
    ['SignatureExpired(uint256)', 'permit2_deadline_expired'],
    ['InvalidAmount()', 'permit2_invalid_amount'],
    ['InvalidAmount(uint256)', 'permit2_invalid_amount'],
    ['InvalidDestination()', 'permit2_invalid_destination'],
    ['InvalidOwner()', 'permit2_invalid_owner'],
    ['PaymentTooEarly()', 'permit2_payment_too_early'],
    ['Permit2612AmountMismatch()', 'permit2_2612_amount_mismatch'],
    ['AmountExceedsPermitted()', 'upto_amount_exceeds_permitted'],
    ['UnauthorizedFacilitator()', 'upto_unauthorized_facilitator'],
    ['ERC20InsufficientBalance(address,uint256,uint256)', 'permit2_simulation_failed'],
    ['SomethingElse()', 'permit2_simulation_failed'],
  ])('with %s is %s', async (error, reason) => {
    const facts = withFacts(reverted(`${toFunctionSelector(error)}${'00'.repeat(32)}`));
    for (const scenario of [exactScenario, uptoScenario]) {
      const verdict = await judge(facts(scenario));
      expect(verdict).toMatchObject({ reason, message: expect.stringContaining('block 1234') });
      expect(verdict).toMatchObject({ message: expect.not.stringContaining('0000') });
    }
  });

  it('comes before a missing allowance where it failed before that was asked for', async () => {
    const facts = withFacts({ allowance: 0n, ...reverted('0xb0669cbc') });
    expect(await judge(facts(exactScenario))).toMatchObject({ reason: 'invalid_permit2_signature' });
    const early = withFacts({ allowance: 0n, blockTime: nowSeconds - 900n, ...reverted('0xa65539fa') });
    const idle = withTerms({ validAfter: nowSeconds - 600n })(exactScenario);
    expect(await judge(early(idle))).toMatchObject({ reason: 'permit2_allowance_required' });
  });

  describe('on a block that is older than validAfter', () => {
    const idle = withFacts({ blockTime: nowSeconds - 900n })(
      withTerms({ validAfter: nowSeconds - 600n })(exactScenario),
    );

    it.each(['0xa65539fa', '', '0x1f2a2005', 'payment is not yet valid'])(
      'with "%s" proves nothing',
      async (revert) => {
        expect(await judge(withFacts(reverted(revert))(idle))).toEqual({ ok: true });
      },
    );

    it.each(['0x756688fe', 'TRANSFER_FROM_FAILED'])('with "%s" is believed', async (revert) => {
      expect(await judge(withFacts(reverted(revert))(idle))).toMatchObject({ ok: false });
    });
  });
});

describe('Judging a payment by upto', () => {
  it('accepts a good one, of the most that may be taken', async () => {
    expect(await judge(uptoScenario)).toEqual({ ok: true });
  });

  it.each(faults.filter(({ reason }) => reason !== 'permit2_proxy_not_deployed'))(
    'refuses with $reason',
    async ({ reason, make, says }) => {
      expect(await judge(make(uptoScenario))).toEqual({
        ok: false,
        reason,
        message: expect.stringContaining(says),
      });
    },
  );

  it('refuses a permit that names another facilitator, after the recipient and before the time', async () => {
    const foreign = withTerms({ facilitator: somebodyElse });
    const reason = 'upto_facilitator_mismatch';
    expect(await judge(foreign(uptoScenario))).toMatchObject({
      reason,
      message: expect.stringContaining(somebodyElse),
    });
    expect(await judge(foreign(withTerms({ validBefore: 0n })(uptoScenario)))).toMatchObject({ reason });
    expect(await judge(foreign(withTerms({ payTo: somebodyElse })(uptoScenario)))).toMatchObject({
      reason: 'invalid_permit2_recipient_mismatch',
    });
  });

  it('is another signature for another facilitator', async () => {
    const payment = await permitOf(withTerms({ facilitator: somebodyElse })(uptoScenario));
    expect(judgePermit({ ...payment, facilitator: relayer }, uptoScenario)).toMatchObject({
      reason: 'invalid_permit2_signature',
    });
  });

  it('asks for exactly the permitted amount when verifying', async () => {
    expect(await judge(asking({ amount: atomicAmount(9_999n) })(uptoScenario))).toMatchObject({
      reason: 'permit2_amount_mismatch',
    });
  });

  it('settles any amount up to the permitted one, and nothing', async () => {
    const settling = { ...uptoScenario, purpose: 'settle' as const };
    for (const amount of [0n, 1n, 9_999n, 10_000n]) {
      expect(await judge(asking({ amount: atomicAmount(amount) })(settling))).toEqual({ ok: true });
    }
    expect(await judge(asking({ amount: atomicAmount(10_001n) })(settling))).toEqual({
      ok: false,
      reason: 'invalid_upto_evm_payload_settlement_exceeds_amount',
      message: expect.stringContaining('10001'),
    });
  });

  it('settles what the payer still has, though it is less than was permitted', async () => {
    const settling = { ...uptoScenario, purpose: 'settle' as const };
    const poorer = withFacts({ balance: 500n, allowance: 500n })(settling);
    expect(await judge(asking({ amount: atomicAmount(500n) })(poorer))).toEqual({ ok: true });
    expect(await judge(asking({ amount: atomicAmount(501n) })(poorer))).toMatchObject({
      reason: 'permit2_insufficient_balance',
    });
  });

  it('does not let exact be settled for less', async () => {
    const settling = { ...exactScenario, purpose: 'settle' as const };
    expect(await judge(asking({ amount: atomicAmount(9_999n) })(settling))).toMatchObject({
      reason: 'permit2_amount_mismatch',
    });
  });

  it('cannot deploy a wallet, for which the facilitator would have to call something else first', () => {
    const signature = serializeErc6492Signature({ address: factory, data: '0x12', signature: '0x34' });
    expect(judgePermit({ ...uptoScenario.terms, signature }, uptoScenario)).toMatchObject({
      reason: 'invalid_permit2_signature',
      message: expect.stringContaining(payer.address.toLowerCase()),
    });
  });
});
