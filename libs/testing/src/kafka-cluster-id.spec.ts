import { describe, expect, it } from '@jest/globals';

import { kafkaClusterId } from './kafka-cluster-id.js';

describe('the id of a cluster', () => {
  it('never looks like an option', () => {
    const given = [Buffer.alloc(16, 0xfb), Buffer.alloc(16, 0xf8), Buffer.alloc(16, 1)];
    expect(given[0]?.toString('base64url').startsWith('-')).toBe(true);
    expect(kafkaClusterId(() => given.shift() ?? Buffer.alloc(16))).toBe(
      Buffer.alloc(16, 1).toString('base64url'),
    );
  });
});
