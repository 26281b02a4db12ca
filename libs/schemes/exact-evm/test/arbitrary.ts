import { atomicAmount, evmChainId } from '@quittance/money';
import fc from 'fast-check';
import type { Address, Hex } from 'viem';

import type { PermitTerms } from './permit-scenario.js';

/** So many bytes as lower-case hex. */
export const hexOf = (bytes: number) =>
  fc
    .uint8Array({ minLength: bytes, maxLength: bytes })
    .map((array): Hex => `0x${Buffer.from(array).toString('hex')}`);

/** At most so many bytes as lower-case hex. */
export const hexUpTo = (bytesMax: number) => fc.integer({ min: 0, max: bytesMax }).chain(hexOf);

export const address: fc.Arbitrary<Address> = hexOf(20);

export const uint256 = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
  fc.bigInt({ min: 0n, max: 1_000n }),
  fc.constantFrom(0n, 2n ** 64n - 1n, 2n ** 64n, 2n ** 256n - 1n),
);

/** Any permit of either scheme. */
export const anyPermitTerms: fc.Arbitrary<PermitTerms> = fc
  .record({
    chainNumber: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    token: address,
    payer: address,
    payTo: address,
    value: uint256.map(atomicAmount),
    amount: uint256.map(atomicAmount),
    validAfter: uint256,
    validBefore: uint256,
    nonce: hexOf(32),
    spender: address,
    facilitator: fc.option(address),
  })
  .map(({ amount, ...terms }) => ({
    ...terms,
    scheme: terms.facilitator === null ? ('exact' as const) : ('upto' as const),
    method: 'permit2' as const,
    chainId: evmChainId(terms.chainNumber),
    asset: terms.token,
    requirements: { payTo: terms.payTo, amount },
    sponsoring: null,
  }));
