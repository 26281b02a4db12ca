import { describe, expect, it } from '@jest/globals';

import { restartDelayMs } from './backoff.js';

describe('restartDelayMs', () => {
  it('doubles from a quarter of a second and stays at ten', () => {
    expect([1, 2, 3, 6, 7, 1_000].map(restartDelayMs)).toEqual([250, 500, 1_000, 8_000, 10_000, 10_000]);
  });
});
