import { describe, expect, it } from '@jest/globals';
import type { PaymentId } from '@quittance/protocol';

import { Foresight } from './foresight.js';

const id = (name: string): PaymentId => name as PaymentId;

describe('a trial that was begun early', () => {
  it('counts once', async () => {
    const foresight = new Foresight();
    foresight.begin(id('a'), async () => true);
    expect([await foresight.saysGo(id('a')), await foresight.saysGo(id('a'))]).toEqual([true, false]);
  });

  it('says nothing of another payment, when it went wrong, or when it is old', async () => {
    let nowMs = 0;
    const foresight = new Foresight(() => nowMs);
    foresight.begin(id('reverts'), async () => false);
    foresight.begin(id('fault'), async () => Promise.reject(new Error('the node is down')));
    foresight.begin(id('old'), async () => true);
    nowMs = 501;
    const said = await Promise.all(
      ['reverts', 'fault', 'old', 'other'].map((name) => foresight.saysGo(id(name))),
    );
    expect(said).toEqual([false, false, false, false]);
  });

  it('makes room for newer ones', async () => {
    const foresight = new Foresight();
    for (let n = 0; n <= 16; n += 1) foresight.begin(id(String(n)), async () => true);
    expect([await foresight.saysGo(id('0')), await foresight.saysGo(id('1'))]).toEqual([false, true]);
  });
});
