import { describe, expect, it } from '@jest/globals';

import { isOutOfStep } from './heights.js';

describe('The height of a node', () => {
  it.each<[string, { height: bigint; others: bigint[] }, boolean]>([
    ['alone', { height: 5n, others: [] }, false],
    ['as high as the other', { height: 100n, others: [100n] }, false],
    ['a little behind', { height: 97n, others: [100n] }, false],
    ['too far behind', { height: 96n, others: [100n] }, true],
    ['ahead of one other, which may be stuck', { height: 100_000n, others: [7n] }, false],
    ['behind the best of several', { height: 90n, others: [100n, 91n] }, true],
    ['ahead of several that are stuck a short while ago', { height: 500n, others: [100n, 101n] }, false],
    ['beyond what several agree on', { height: 10n ** 9n, others: [100n, 101n] }, true],
    ['with the others against one that lies', { height: 100n, others: [10n ** 9n, 101n] }, false],
    ['behind those that agree against one that lies', { height: 50n, others: [10n ** 9n, 101n, 102n] }, true],
    ['that of a chain which was reset', { height: 1n, others: [1n, 0n] }, false],
  ])('%s is judged', (_what, { height, others }, expected) => {
    expect(isOutOfStep(height, others)).toBe(expected);
  });
});
