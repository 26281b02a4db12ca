import { describe, expect, it } from '@jest/globals';
import { x402ExactPermit2ProxyABI, x402UptoPermit2ProxyABI } from '@x402/evm';
import { atomicAmount } from '@quittance/money';
import fc from 'fast-check';
import { type Abi, type Address, encodeFunctionData, type Hex, serializeErc6492Signature } from 'viem';

import { address, anyPermitTerms, hexOf, hexUpTo, uint256 } from '../test/arbitrary.js';
import { exactScenario, factory, permitOf } from '../test/permit-scenario.js';
import { goodScenario, paymentOf } from '../test/scenario.js';
import { exactPermit2ProxyAddress, uptoPermit2ProxyAddress } from './address.js';
import { deploymentCallOf, encodeTransferWithAuthorization, settlementCallOf } from './calldata.js';
import type { Eip2612Sponsoring, Permit2Payment } from './payment.js';
import { permitSettledBy } from './permit2-calldata.js';

const anySponsoring: fc.Arbitrary<Eip2612Sponsoring> = fc
  .record({
    from: address,
    asset: address,
    spender: address,
    amount: uint256.map(atomicAmount),
    nonce: uint256,
    deadline: uint256,
    rs: hexOf(64),
    v: fc.constantFrom('1b', '1c'),
  })
  .map(({ rs, v, ...rest }) => ({ kind: 'eip2612', ...rest, signature: `${rs}${v}` as Hex }));

/** Not of an account, whose v would be completed. */
const contractSignature = hexUpTo(300).filter((signature) => signature.length !== 132);

/** The call by the published ABI, encoded by another implementation. */
function expectedCall(payment: Permit2Payment, signature: Hex = payment.signature) {
  const { facilitator, payTo: to, validAfter, sponsoring } = payment;
  const permit = {
    permitted: { token: payment.token, amount: payment.value },
    nonce: BigInt(payment.nonce),
    deadline: payment.validBefore,
  };
  const permits =
    sponsoring?.kind === 'eip2612'
      ? [
          {
            value: sponsoring.amount,
            deadline: sponsoring.deadline,
            r: sponsoring.signature.slice(0, 66),
            s: `0x${sponsoring.signature.slice(66, 130)}`,
            v: Number(`0x${sponsoring.signature.slice(130)}`),
          },
        ]
      : [];
  const amounts = facilitator === null ? [] : [payment.requirements.amount];
  const witness = facilitator === null ? { to, validAfter } : { to, facilitator, validAfter };
  const [proxy, abi]: [Address, Abi] =
    facilitator === null
      ? [exactPermit2ProxyAddress, x402ExactPermit2ProxyABI]
      : [uptoPermit2ProxyAddress, x402UptoPermit2ProxyABI];
  const data = encodeFunctionData({
    abi,
    functionName: permits.length === 0 ? 'settle' : 'settleWithPermit',
    args: [...permits, permit, ...amounts, payment.payer, witness, signature],
  });
  return { to: proxy, data };
}

describe('The call that settles a Permit2 payment', () => {
  it('is settle of the scheme’s proxy, as another implementation encodes it', () => {
    fc.assert(
      fc.property(anyPermitTerms, contractSignature, (terms, signature) => {
        const payment = { ...terms, signature };
        expect(settlementCallOf(payment)).toEqual(expectedCall(payment));
        expect(permitSettledBy(expectedCall(payment).data)).toEqual({
          payer: payment.payer,
          nonce: payment.nonce,
        });
      }),
    );
  });

  it('is settleWithPermit where an EIP-2612 permit comes along', () => {
    fc.assert(
      fc.property(anyPermitTerms, contractSignature, anySponsoring, (terms, signature, sponsoring) => {
        const payment = { ...terms, signature, sponsoring };
        expect(settlementCallOf(payment)).toEqual(expectedCall(payment));
        expect(permitSettledBy(expectedCall(payment).data)).toEqual({
          payer: payment.payer,
          nonce: payment.nonce,
        });
      }),
    );
  });

  it('completes the v of an EIP-2612 permit, where a wallet wrote the parity alone', () => {
    fc.assert(
      fc.property(anyPermitTerms, anySponsoring, (terms, sponsoring) => {
        const payment = { ...terms, signature: '0x12' as const, sponsoring };
        const parity = sponsoring.signature.endsWith('1b') ? '00' : '01';
        const bare = { ...sponsoring, signature: `${sponsoring.signature.slice(0, -2)}${parity}` as Hex };
        expect(settlementCallOf({ ...payment, sponsoring: bare })).toEqual(expectedCall(payment));
      }),
    );
  });

  it('is settle where an approval is broadcast before', () => {
    const approval = {
      kind: 'erc20_approval',
      from: factory,
      asset: factory,
      spender: factory,
      amount: atomicAmount(1n),
      signedTransaction: '0x02',
    } as const;
    fc.assert(
      fc.property(anyPermitTerms, contractSignature, (terms, signature) => {
        const payment = { ...terms, signature, sponsoring: approval };
        expect(settlementCallOf(payment)).toEqual(expectedCall(payment));
        expect(permitSettledBy(expectedCall(payment).data)).toEqual({
          payer: payment.payer,
          nonce: payment.nonce,
        });
      }),
    );
  });

  it('takes a wallet’s signature out of its wrapping', () => {
    fc.assert(
      fc.property(anyPermitTerms, hexUpTo(200), (terms, inner) => {
        const signature = serializeErc6492Signature({ address: factory, data: '0x12', signature: inner });
        const payment = { ...terms, signature };
        expect(settlementCallOf(payment)).toEqual(expectedCall(payment, inner));
      }),
    );
  });

  it('has v as 27 or 28, which is all that Permit2 takes, where a wallet wrote the parity alone', async () => {
    const payment = await permitOf(exactScenario);
    const parity = payment.signature.endsWith('1b') ? '00' : '01';
    const bare = { ...payment, signature: `${payment.signature.slice(0, -2)}${parity}` as Hex };
    expect(settlementCallOf(payment)).toEqual(expectedCall(payment));
    expect(settlementCallOf(bare)).toEqual(expectedCall(payment));
  });

  it('keeps 65 bytes that are no account’s as they are, for the wallet that reads them otherwise', () => {
    // As Safe has it for a hash that an owner approved: r is the owner, s is empty, v is 1.
    const signature: Hex = `0x${'fa'.repeat(20).padStart(64, '0')}${'0'.repeat(64)}01`;
    const payment = { ...exactScenario.terms, signature };
    expect(settlementCallOf(payment)).toEqual(expectedCall(payment));
  });
});

describe('The call that settles an EIP-3009 payment', () => {
  it('is of the token', async () => {
    const payment = await paymentOf(goodScenario);
    expect(settlementCallOf(payment)).toEqual({
      to: payment.asset,
      data: encodeTransferWithAuthorization(payment),
    });
  });

  it('takes a wallet’s signature out of its wrapping', () => {
    fc.assert(
      fc.property(hexUpTo(200), (inner) => {
        fc.pre(inner.length !== 132);
        const signature = serializeErc6492Signature({ address: factory, data: '0x12', signature: inner });
        expect(settlementCallOf({ ...goodScenario.terms, signature })).toEqual(
          settlementCallOf({ ...goodScenario.terms, signature: inner }),
        );
      }),
    );
  });

  it('is the bytes overload for a wallet to be deployed, even with 65 bytes inside', async () => {
    const { signature: inner } = await paymentOf(goodScenario);
    const signature = serializeErc6492Signature({ address: factory, data: '0x12', signature: inner });
    const { data } = settlementCallOf({ ...goodScenario.terms, signature });
    expect(data.slice(0, 10)).toBe('0xcf092995');
    expect(data).toContain(inner.slice(2));
  });
});

describe('The call that deploys a wallet', () => {
  const data: Hex = '0x12345678';
  const wrapped = serializeErc6492Signature({ address: factory, data, signature: '0x99' });

  it('is that of the factory, where it may be called', () => {
    expect(deploymentCallOf({ signature: wrapped }, [factory])).toEqual({ to: factory, data });
  });

  it.each<[string, Hex, readonly Address[]]>([
    ['another factory is allowed', wrapped, [exactPermit2ProxyAddress]],
    ['no factory is allowed', wrapped, []],
    ['the signature names none', `0x${'11'.repeat(65)}`, [factory]],
    ['the wrapping is broken', `0x11${'6492'.repeat(16)}`, [factory]],
  ])('is none where %s', (_what, signature, factories) => {
    expect(deploymentCallOf({ signature }, factories)).toBeNull();
  });
});
