import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hashTypedData } from 'viem';

import { anyPermitTerms } from '../test/arbitrary.js';
import { exactScenario, permitTypedDataOf } from '../test/permit-scenario.js';
import { authorizationDigest } from './typed-data.js';

describe('The digest of a Permit2 authorization', () => {
  it('agrees with an independent implementation on any terms of either scheme', () => {
    fc.assert(
      fc.property(anyPermitTerms, (terms) => {
        const typedData = permitTypedDataOf(terms) as Parameters<typeof hashTypedData>[0];
        expect(authorizationDigest(terms)).toBe(hashTypedData(typedData));
      }),
    );
  });

  it('stays right when more chains have been seen than are remembered', () => {
    const { terms } = exactScenario;
    const before = authorizationDigest(terms);
    const seen = new Set([before]);
    for (let chainNumber = 1; chainNumber <= 300; chainNumber += 1) {
      seen.add(authorizationDigest({ ...terms, chainNumber }));
    }
    expect(seen.size).toBe(301);
    expect(authorizationDigest(terms)).toBe(before);
  });

  it('does not depend on what the seller asks for, only on what is signed', () => {
    fc.assert(
      fc.property(anyPermitTerms, anyPermitTerms, (terms, other) => {
        const asked = { ...terms, asset: other.asset, requirements: other.requirements };
        expect(authorizationDigest(asked)).toBe(authorizationDigest(terms));
      }),
    );
  });
});
