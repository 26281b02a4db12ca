import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { disorderedHistories } from '../../test/payment-histories.js';
import { factsOf, factsText } from './facts-text.js';
import { postEvents } from './posting.js';
import type { PaymentFacts } from './payment-facts.js';

const fees = {
  feeOf: () => ({ merchant: 'shop', amount: '7' }),
} as unknown as Parameters<typeof postEvents>[2];

describe('facts as they are kept', () => {
  it('are read as they were written, whatever happened to the payment', () => {
    fc.assert(
      fc.property(disorderedHistories, ({ delivered }) => {
        const { facts } = postEvents({ facts: null, posted: [] }, delivered, fees);
        if (facts !== null) expect(factsOf(factsText(facts))).toEqual(facts);
      }),
      { numRuns: 500 },
    );
  });

  it('are read as earlier releases wrote them', () => {
    fc.assert(
      fc.property(disorderedHistories, ({ delivered }) => {
        const { facts } = postEvents({ facts: null, posted: [] }, delivered);
        if (facts !== null) expect(factsOf(JSON.stringify(facts))).toEqual(facts);
      }),
      { numRuns: 50 },
    );
  });

  it('of a release to come are not taken for ours', () => {
    expect(() => factsOf(JSON.stringify([3, []] as unknown as PaymentFacts))).toThrow(TypeError);
  });
});
