import { describe, expect, it } from '@jest/globals';
import type { ReasonCode } from '@quittance/protocol';
import { type Hex, serializeErc6492Signature } from 'viem';

import { factory } from '../test/permit-scenario.js';
import { goodScenario, nowSeconds, paymentOf, somebodyElse } from '../test/scenario.js';
import type { EvmFacts } from './facts.js';
import { judgeEvmPayment } from './judgment.js';

const signatureFault = 'invalid_exact_evm_payload_signature';

function judge(signature: Hex, facts: Partial<EvmFacts> = {}) {
  return judgeEvmPayment({
    payment: { ...goodScenario.terms, signature },
    facts: { ...goodScenario.facts, ...facts },
    nowSeconds,
    purpose: 'verify',
    factories: [factory],
    relayers: [],
  });
}

const wrapped = (deployer: Hex) =>
  serializeErc6492Signature({ address: deployer, data: '0x1234', signature: '0x5678' });

describe('The signature of a payer with code', () => {
  it.each<[string, Hex]>([
    ['a few bytes', '0x1234'],
    ['65 bytes', `0x${'11'.repeat(65)}`],
    ['none', '0x'],
    ['wrapped ones, whatever factory they name', wrapped(somebodyElse)],
  ])('may be %s where the contract accepts it', (_what, signature) => {
    expect(judge(signature, { payerHasCode: true, signatureAccepted: true })).toEqual({ ok: true });
  });

  it('is none where the contract refuses it, though it is by the key of the address', async () => {
    const { signature } = await paymentOf(goodScenario);
    expect(judge(signature)).toEqual({ ok: true });
    expect(judge(signature, { payerHasCode: true, signatureAccepted: false })).toEqual({
      ok: false,
      reason: signatureFault,
      message: expect.stringContaining('does not accept'),
    });
  });

  it('is none where the contract does not answer', () => {
    expect(judge('0x1234', { payerHasCode: true, signatureAccepted: null })).toMatchObject({
      reason: signatureFault,
      message: expect.stringContaining('no answer'),
    });
  });
});

describe('The signature of a payer without code', () => {
  it('is not what a contract accepts that is not there', () => {
    expect(judge(`0x${'11'.repeat(65)}`, { signatureAccepted: true })).toMatchObject({
      reason: signatureFault,
    });
  });

  it('may be by a wallet that an allowed factory deploys; the simulation has the word', () => {
    expect(judge(wrapped(factory))).toEqual({ ok: true });
    expect(judge(wrapped(factory), { simulation: { ok: false, revert: 'invalid signature' } })).toMatchObject(
      {
        reason: 'invalid_exact_evm_transaction_simulation_failed',
      },
    );
  });

  it('is refused where the factory does not deploy the wallet', () => {
    const simulation = { ok: false, revert: '0xd6bda275', failedAt: 'deployment' } as const;
    expect(judge(wrapped(factory), { simulation })).toEqual({
      ok: false,
      reason: 'smart_wallet_deployment_failed',
      message: expect.stringContaining('FailedCall'),
    });
  });

  it.each<[string, Hex, ReasonCode, string]>([
    ['another factory', wrapped(somebodyElse), 'eip6492_factory_not_allowed', somebodyElse],
    [
      'a broken wrapping',
      `0x1234${'6492'.repeat(16)}`,
      'invalid_exact_evm_failed_to_parse_signature',
      'ERC-6492',
    ],
    [
      'a wallet’s signature that is not wrapped',
      `0x${'11'.repeat(96)}`,
      'invalid_exact_evm_payload_undeployed_smart_wallet',
      'wrap',
    ],
    ['fewer than 65 bytes', `0x${'11'.repeat(64)}`, signatureFault, '64 bytes'],
    ['nothing', '0x', signatureFault, 'truncated'],
  ])('is refused with %s', (_what, signature, ...[reason, says]) => {
    expect(judge(signature)).toEqual({ ok: false, reason, message: expect.stringContaining(says) });
  });
});
