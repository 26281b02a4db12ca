import { describe, expect, it } from '@jest/globals';

import { bytesSchema } from './answer.js';

describe('Bytes that a node answers', () => {
  it('are taken, and half a byte more is not, at any length', () => {
    for (const length of [0, 1, 100_000, 8_000_000]) {
      const bytes = `0x${'Ab'.repeat(length)}`;
      // Not by a matcher, which would print them.
      expect(bytesSchema.parse(bytes) === bytes.toLowerCase()).toBe(true);
      expect(bytesSchema.safeParse(`${bytes}0`).success).toBe(false);
      expect(bytesSchema.safeParse(`${bytes}0g`).success).toBe(false);
    }
  });

  it.each(['', '0', '00', '0X00', ' 0x00', '0x00\n', 7, null])('are not %j', (other) => {
    expect(bytesSchema.safeParse(other).success).toBe(false);
  });
});
