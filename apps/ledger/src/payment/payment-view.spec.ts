import { describe, expect, it } from '@jest/globals';

import { PaymentStory } from '../../test/payment-events.js';
import { AssetDirectory } from '../asset/asset-directory.js';
import { noFees, Tariff } from '../merchant/tariff.js';
import { postEvents } from '../posting/posting.js';
import type { Payment } from './payment.schema.js';
import { paymentView } from './payment-view.js';

const story = new PaymentStory({ name: 'shown', amount: 10_000n, ceiling: 25_000n });
const events = [story.accepted(), story.submitted(), story.confirmed('us')];
const terms = { from: new Date(0), basisPoints: 150, fixed: new Map() };

function shown(tariff: Tariff): Payment {
  const { facts } = postEvents({ facts: null, posted: [] }, events, tariff);
  if (facts === null) throw new RangeError('three events and nothing known');
  return paymentView({ facts, transactions: [], finalBlock: null }, new AssetDirectory([]));
}

describe('a payment as it is shown', () => {
  it('says what the payer signed for, and what the merchant owes by which terms', () => {
    const tariff = new Tariff([{ merchant: 'acme', payTo: [story.payTo], terms: [terms] }]);
    expect(shown(tariff)).toMatchObject({
      amount: '10000',
      ceiling: '25000',
      fee: { merchant: 'acme', amount: '150', basisPoints: 150, fixed: '0' },
    });
  });

  it('has no fee where nothing is owed', () => {
    expect(shown(noFees).fee).toBeNull();
  });
});
