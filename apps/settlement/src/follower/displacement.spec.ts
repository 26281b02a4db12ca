import { describe, expect, it } from '@jest/globals';

import type { BatchId } from '../batch/batch.js';
import { DisplacementWatch, missingMinMs } from './displacement.js';

const one = '1' as BatchId;
const other = '2' as BatchId;

describe('a displaced batch', () => {
  it('is believed when it has been missing for a while', () => {
    const watch = new DisplacementWatch();
    expect(watch.certain([one], 0)).toEqual(new Set());
    expect(watch.certain([one], missingMinMs - 1)).toEqual(new Set());
    expect(watch.certain([one, other], missingMinMs)).toEqual(new Set([one]));
  });

  it('is forgotten when it turns up in between', () => {
    const watch = new DisplacementWatch();
    watch.certain([one], 0);
    watch.certain([], 500);
    expect(watch.certain([one], missingMinMs)).toEqual(new Set());
  });
});
