import { describe, expect, it } from '@jest/globals';
import type { PaymentId } from '@quittance/protocol';

import type { Finding } from '../payment/finding.js';
import { DisplacementWatch, missingMinMs } from './displacement.js';

const displaced: Finding = { type: 'displaced', paymentId: 'a' as PaymentId, attempt: 1 };
const other: Finding = { type: 'displaced', paymentId: 'b' as PaymentId, attempt: 1 };
const refused: Finding = {
  type: 'refused',
  paymentId: 'a' as PaymentId,
  reason: 'insufficient_funds',
  detail: '',
  authorizationSpent: false,
};

describe('a displaced transaction', () => {
  it('is believed when it has been missing for a while', () => {
    const watch = new DisplacementWatch();
    expect(watch.sift([displaced], 0)).toEqual([]);
    expect(watch.sift([displaced], missingMinMs - 1)).toEqual([]);
    expect(watch.sift([displaced, other], missingMinMs)).toEqual([displaced]);
  });

  it('is forgotten when it turns up in between', () => {
    const watch = new DisplacementWatch();
    watch.sift([displaced], 0);
    watch.sift([], 500);
    expect(watch.sift([displaced], missingMinMs)).toEqual([]);
  });

  it('holds up nothing else', () => {
    expect(new DisplacementWatch().sift([refused, displaced], 0)).toEqual([refused]);
  });
});
