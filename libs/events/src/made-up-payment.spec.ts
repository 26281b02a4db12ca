import { describe, expect, it } from '@jest/globals';

import { parseEvent } from './catalogue.js';
import { madeUpPayment } from './made-up-payment.js';

const business = { name: 'spec', payers: 10, merchants: 3 };

describe('payments of a made-up business', () => {
  it('tell what the schemas of events allow, and the same each time', () => {
    for (const number of [0, 1, 7, 8, 123_456]) {
      const events = madeUpPayment(business, number);
      for (const event of events) expect(parseEvent(event)).toEqual({ ok: true, event });
      expect(madeUpPayment(business, number)).toEqual(events);
    }
  });

  it('are all different, and those of another name too', () => {
    const events = [business, { ...business, name: 'other' }].flatMap((each) =>
      Array.from({ length: 50 }, (_, number) => madeUpPayment(each, number)).flat(),
    );
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    expect(new Set(events.map(({ key }) => key)).size).toBe(events.length / 3);
  });
});
