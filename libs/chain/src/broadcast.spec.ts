import { describe, expect, it } from '@jest/globals';

import { combineOutcomes } from './broadcast.js';
import type { BroadcastOutcome } from './rpc-error.js';

const accepted: BroadcastOutcome = { outcome: 'accepted' };
const known: BroadcastOutcome = { outcome: 'known' };
const spent: BroadcastOutcome = { outcome: 'nonce_spent' };
const refused: BroadcastOutcome = { outcome: 'refused', detail: 'underpriced' };

describe('What several nodes say to a transaction', () => {
  it.each<[string, BroadcastOutcome[], BroadcastOutcome | undefined]>([
    ['nothing when none answered', [], undefined],
    ['accepted when one took it', [refused, spent, known, accepted], accepted],
    ['known when one had it', [spent, known, refused], known],
    ['a spent nonce when all say so', [spent, spent], spent],
    ['a refusal when one does not say that the nonce is spent', [spent, refused], refused],
    ['a refusal when all refuse', [refused, refused], refused],
  ])('means %s', (_what, outcomes, combined) => {
    expect(combineOutcomes(outcomes)).toEqual(combined);
  });
});
