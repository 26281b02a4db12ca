import { describe, expect, it } from '@jest/globals';
import { parseChainId } from '@quittance/money';
import type { PaymentRequest } from '@quittance/protocol';
import fc from 'fast-check';

import { approvalBy } from '../test/approval.js';
import { permit2Authorization, permitRequest, relayer, uptoAuthorization } from '../test/permit-scenario.js';
import { authorization, goodRequest, nonce, nowSeconds, payer } from '../test/scenario.js';
import { exactPermit2ProxyAddress, permit2Address, uptoPermit2ProxyAddress } from './address.js';
import { authorityOf } from './payment.js';
import { type Purpose, readEvmPayment } from './read-payment.js';

const exact = permitRequest('exact');
const upto = permitRequest('upto');
const uint256Max = 2n ** 256n - 1n;

type Changes = Partial<Omit<PaymentRequest, 'requirements'>> & { readonly requirements?: object };

function refusalOf(request: PaymentRequest, changes: Changes, purpose: Purpose = 'verify') {
  const reading = readEvmPayment({ ...request, ...changes } as PaymentRequest, { purpose });
  return reading.ok
    ? { reason: 'accepted', message: '' }
    : { reason: reading.reason, message: reading.message };
}

const withRequirements = (changes: object, request = exact): Changes => ({
  requirements: { ...request.requirements, ...changes },
});
const withExtra = (changes: object, request = exact) =>
  withRequirements({ extra: { ...request.requirements.extra, ...changes } }, request);
const withPermit = (changes: object): Changes => ({
  payload: { ...exact.payload, permit2Authorization: { ...permit2Authorization, ...changes } },
});

const terms = {
  method: 'permit2',
  chainId: 'eip155:84532',
  chainNumber: 84_532,
  asset: '0x036cbd53842c5426634e7929541ec2318f3dcf7e',
  token: '0x036cbd53842c5426634e7929541ec2318f3dcf7e',
  payer: payer.address.toLowerCase(),
  payTo: '0x209693bc6afc0c5328ba36faf03c514ef312287c',
  value: 10_000n,
  validAfter: 0n,
  validBefore: nowSeconds + 300n,
  nonce,
  signature: `0x${'11'.repeat(64)}1b`,
  requirements: { payTo: '0x209693bc6afc0c5328ba36faf03c514ef312287c', amount: 10_000n },
  sponsoring: null,
};

describe('Reading a Permit2 payment', () => {
  it('takes every field by exact, with the nonce as 32 bytes', () => {
    expect(readEvmPayment(exact, { purpose: 'verify' })).toEqual({
      ok: true,
      payment: { ...terms, scheme: 'exact', spender: exactPermit2ProxyAddress, facilitator: null },
    });
  });

  it('takes every field by upto, with the facilitator', () => {
    expect(readEvmPayment(upto, { purpose: 'verify' })).toEqual({
      ok: true,
      payment: { ...terms, scheme: 'upto', spender: uptoPermit2ProxyAddress, facilitator: relayer },
    });
  });

  it('is by the authority of Permit2, and with EIP-3009 by that of the token', () => {
    const asset = '0x036cbd53842c5426634e7929541ec2318f3dcf7e';
    expect(authorityOf({ method: 'permit2', asset })).toBe(permit2Address);
    expect(authorityOf({ method: 'eip3009', asset })).toBe(asset);
  });

  it('goes by its payload where the seller names no method', () => {
    for (const assetTransferMethod of ['permit2', null, undefined]) {
      expect(refusalOf(exact, withExtra({ assetTransferMethod })).reason).toBe('accepted');
      expect(refusalOf(upto, withExtra({ assetTransferMethod }, upto)).reason).toBe('accepted');
    }
  });

  it('needs no domain of the token, which signs nothing', () => {
    expect(refusalOf(exact, withExtra({ name: undefined, version: 7 })).reason).toBe('accepted');
  });

  it.each(['authorization', 'upfront', null, undefined])('may be settled in the flow %s', (paymentFlow) => {
    for (const request of [exact, upto, goodRequest()]) {
      expect(refusalOf(request, withExtra({ paymentFlow }, request)).reason).toBe('accepted');
    }
  });

  it('may be settled by upto for nothing, and not verified for nothing', () => {
    const nothing = withRequirements({ amount: '0' }, upto);
    expect(refusalOf(upto, nothing, 'settle').reason).toBe('accepted');
    expect(refusalOf(upto, nothing, 'verify').reason).toBe('invalid_payment_requirements');
    expect(refusalOf(exact, withRequirements({ amount: '0' }), 'settle').reason).toBe(
      'invalid_payment_requirements',
    );
  });

  const eip3009Payload = { signature: exact.payload['signature'], authorization };
  it.each<[string, PaymentRequest, Changes, string, string]>([
    [
      'another scheme by the payer of upto',
      upto,
      { accepted: exact.accepted },
      'invalid_upto_evm_scheme',
      '"exact"',
    ],
    ['another scheme by the payer of exact', exact, { accepted: upto.accepted }, 'invalid_scheme', '"upto"'],
    [
      'another network by the payer of upto',
      upto,
      { accepted: { ...upto.accepted, network: parseChainId('eip155:1') } },
      'invalid_upto_evm_network_mismatch',
      'eip155:1',
    ],
    [
      'another network by the payer of exact',
      exact,
      { accepted: { ...exact.accepted, network: parseChainId('eip155:1') } },
      'invalid_exact_evm_network_mismatch',
      'eip155:1',
    ],
    ['upto by x402 v1', upto, { x402Version: 1 }, 'unsupported_scheme', 'x402 v1'],
    ['Permit2 by x402 v1', exact, { x402Version: 1 }, 'unsupported_payload_type', 'x402 v1'],
    [
      'upto with EIP-3009',
      upto,
      { payload: eip3009Payload },
      'unsupported_payload_type',
      'permit2Authorization',
    ],
    [
      'upto for which the seller asks EIP-3009',
      upto,
      withExtra({ assetTransferMethod: 'eip3009' }, upto),
      'unsupported_payload_type',
      'Permit2',
    ],
    [
      'EIP-3009 where the seller asks for Permit2',
      exact,
      { payload: eip3009Payload },
      'unsupported_payload_type',
      '"permit2"',
    ],
    [
      'a method that nobody knows',
      exact,
      withExtra({ assetTransferMethod: 'erc7710' }),
      'unsupported_payload_type',
      '"erc7710"',
    ],
    [
      'a flow that is not settled here',
      exact,
      withExtra({ paymentFlow: 'escrow' }),
      'invalid_payment_requirements',
      '"escrow"',
    ],
    [
      'a flow that is no text',
      exact,
      withExtra({ paymentFlow: 1 }),
      'invalid_payment_requirements',
      'not a string',
    ],
    [
      'an asset that is none',
      exact,
      withRequirements({ asset: 'USDC' }),
      'invalid_payment_requirements',
      'asset',
    ],
  ])('refuses %s', (_what, request, ...[changes, reason, named]) => {
    const refusal = refusalOf(request, changes);
    expect(refusal.reason).toBe(reason);
    expect(refusal.message).toContain(named);
  });

  it.each<[string, Changes, string]>([
    ['no signature', { payload: { permit2Authorization } }, 'payload.signature'],
    [
      'no authorization',
      { payload: { ...exact.payload, permit2Authorization: null } },
      'permit2Authorization',
    ],
    ['a list', { payload: { ...exact.payload, permit2Authorization: [] } }, 'permit2Authorization'],
    ['both authorizations', { payload: { ...exact.payload, authorization } }, '"authorization"'],
    ['an unknown field', withPermit({ memo: 'x' }), 'permit2Authorization."memo"'],
    ['no owner', withPermit({ from: undefined }), 'permit2Authorization.from'],
    ['no permitted', withPermit({ permitted: undefined }), 'permit2Authorization.permitted'],
    [
      'a token that is none',
      withPermit({ permitted: { token: '0x12', amount: '1' } }),
      'permit2Authorization.permitted.token',
    ],
    [
      'an amount as number',
      withPermit({ permitted: { ...permit2Authorization.permitted, amount: 1 } }),
      'permit2Authorization.permitted.amount',
    ],
    ['a nonce in hex', withPermit({ nonce: '0x10' }), 'permit2Authorization.nonce'],
    ['a nonce above 2^256 − 1', withPermit({ nonce: `${uint256Max + 1n}` }), 'permit2Authorization.nonce'],
    ['a deadline with a sign', withPermit({ deadline: '-1' }), 'permit2Authorization.deadline'],
    ['a spender by name', withPermit({ spender: 'proxy.eth' }), 'permit2Authorization.spender'],
    ['no witness', withPermit({ witness: undefined }), 'permit2Authorization.witness'],
    [
      'the witness of upto by exact',
      withPermit({ witness: uptoAuthorization.witness }),
      'witness."facilitator"',
    ],
  ])('refuses %s and names the field', (_what, changes, named) => {
    const refusal = refusalOf(exact, changes);
    expect(refusal.reason).toBe('invalid_payload');
    expect(refusal.message).toContain(named);
  });

  it('refuses upto without a facilitator', () => {
    const payload = { ...upto.payload, permit2Authorization };
    const refusal = refusalOf(upto, { payload });
    expect(refusal).toMatchObject({
      reason: 'invalid_payload',
      message: expect.stringContaining('facilitator'),
    });
  });

  it('takes the largest numbers that there are', () => {
    const largest = `${uint256Max}`;
    const reading = readEvmPayment(
      { ...exact, ...(withPermit({ nonce: largest, deadline: largest }) as object) },
      { purpose: 'verify' },
    );
    expect(reading).toMatchObject({ payment: { nonce: `0x${'f'.repeat(64)}`, validBefore: uint256Max } });
  });

  it('takes nothing for a text that only claims a length, wherever it stands', () => {
    const hostile = { length: { toString: '' } };
    const { permitted, witness } = permit2Authorization;
    const fields = Object.keys(permit2Authorization).map((field) => withPermit({ [field]: hostile }));
    const within = [
      ...Object.keys(permitted).map((field) => withPermit({ permitted: { ...permitted, [field]: hostile } })),
      ...Object.keys(witness).map((field) => withPermit({ witness: { ...witness, [field]: hostile } })),
      { payload: { ...exact.payload, signature: hostile } },
    ];
    expect(within).toHaveLength(5);
    for (const changes of [...fields, ...within]) {
      expect(refusalOf(exact, changes).reason).toBe('invalid_payload');
    }
  });

  it('never throws, whatever payload, extra and extensions hold', () => {
    fc.assert(
      fc.property(
        fc.anything(),
        fc.anything(),
        fc.dictionary(fc.string(), fc.anything()),
        (first, second, record) => {
          for (const request of [exact, upto]) {
            for (const permit2 of [
              first,
              record,
              { ...permit2Authorization, permitted: first, witness: second },
            ]) {
              const payload = { signature: second, permit2Authorization: permit2 };
              expect(refusalOf(request, { payload }).reason).not.toBe('accepted');
            }
            refusalOf(
              request,
              withExtra({ ...record, paymentFlow: first, assetTransferMethod: second }, request),
            );
            refusalOf(request, withRequirements({ asset: first, payTo: second }, request));
            refusalOf(request, {
              extensions: { eip2612GasSponsoring: { info: { signature: first, ...record } } },
            });
            refusalOf(request, { extensions: { erc20ApprovalGasSponsoring: first, ...record } });
          }
        },
      ),
    );
  });
});

describe('What comes along for the allowance', () => {
  const permit = {
    from: payer.address,
    asset: permit2Authorization.permitted.token,
    spender: '0x000000000022D473030F116dDEE9F6B43aC78BA3',
    amount: '10000',
    nonce: '3',
    deadline: `${nowSeconds + 300n}`,
    signature: `0x${'AB'.repeat(64)}1B`,
    version: '1',
  };
  const parties = { from: terms.payer, asset: terms.asset, spender: permit2Address };
  const sponsoringOf = (extensions: Record<string, unknown>) => {
    const reading = readEvmPayment(permitRequest('exact', extensions), { purpose: 'verify' });
    if (!reading.ok) return reading;
    return reading.payment.method === 'permit2' ? reading.payment.sponsoring : undefined;
  };

  it('is an EIP-2612 permit, in lower case', () => {
    expect(sponsoringOf({ eip2612GasSponsoring: { info: permit } })).toEqual({
      kind: 'eip2612',
      ...parties,
      amount: 10_000n,
      nonce: 3n,
      deadline: nowSeconds + 300n,
      signature: `0x${'ab'.repeat(64)}1b`,
    });
  });

  it('is a signed approval', async () => {
    const { signedTransaction } = await approvalBy(payer);
    const { nonce: _nonce, deadline: _deadline, signature: _signature, ...rest } = permit;
    const info = { ...rest, amount: `${uint256Max}`, signedTransaction };
    expect(sponsoringOf({ erc20ApprovalGasSponsoring: { info } })).toEqual({
      kind: 'erc20_approval',
      ...parties,
      amount: uint256Max,
      signedTransaction,
    });
    expect(
      sponsoringOf({ erc20ApprovalGasSponsoring: { info }, eip2612GasSponsoring: { info: permit } }),
    ).toMatchObject({ kind: 'eip2612' });
  });

  it('is nothing where the payer only repeats the seller’s offer', () => {
    const info = { description: 'The facilitator accepts it.', version: '1' };
    expect(
      sponsoringOf({ eip2612GasSponsoring: { info, schema: {} }, erc20ApprovalGasSponsoring: { info } }),
    ).toBeNull();
  });

  it('is refused where it is malformed', () => {
    expect(sponsoringOf({ eip2612GasSponsoring: { info: { ...permit, signature: '0x12' } } })).toMatchObject({
      reason: 'invalid_eip2612_extension_format',
    });
    expect(
      sponsoringOf({ erc20ApprovalGasSponsoring: { info: { signedTransaction: 'raw' } } }),
    ).toMatchObject({
      reason: 'invalid_erc20_approval_extension_format',
    });
  });

  it('is of no interest to EIP-3009, which needs no allowance', () => {
    const extensions = { eip2612GasSponsoring: { info: { signature: 'nonsense' } } };
    expect(readEvmPayment({ ...goodRequest(), extensions }, { purpose: 'verify' }).ok).toBe(true);
  });
});
