import { describe, expect, it } from '@jest/globals';

import { PayerLanes } from './payer-lanes.js';

/** Payments whose looking at ends when the test says. */
function scene(options: { readonly inHandMax?: number; readonly waitingMax?: number } = {}) {
  let nowMs = 0;
  const lanes = new PayerLanes({ inHandMax: 2, waitingMax: 3, ...options, now: () => nowMs });
  const begun: string[] = [];
  const ends = new Map<string, (verdict: string) => void>();
  const offer = async (payer: string, name: string): Promise<string> =>
    lanes.run(
      payer,
      async () => {
        begun.push(name);
        return new Promise<string>((resolve) => ends.set(name, resolve));
      },
      (verdict) => verdict === 'short',
    );
  const end = async (name: string, verdict: string): Promise<void> => {
    ends.get(name)?.(verdict);
    await settled();
  };
  const makeShort = async (payer: string): Promise<void> => {
    const first = offer(payer, `first of ${payer}`);
    await end(`first of ${payer}`, 'short');
    await first;
    begun.length = 0;
  };
  return { begun, offer, end, makeShort, pass: (ms: number) => (nowMs += ms) };
}

const settled = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('payments of a payer', () => {
  it('are all looked at at once while he has the money', async () => {
    const { begun, offer } = scene();
    for (const name of ['a', 'b', 'c', 'd']) void offer('payer', name);
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
  });

  it('are looked at a few at a time once he had not, in their order', async () => {
    const { begun, offer, end, makeShort } = scene();
    await makeShort('payer');
    for (const name of ['a', 'b', 'c', 'd']) void offer('payer', name);
    await settled();
    expect(begun).toEqual(['a', 'b']);
    await end('b', 'short');
    expect(begun).toEqual(['a', 'b', 'c']);
    await end('a', 'good');
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
  });

  it('keep no other payer waiting', async () => {
    const { begun, offer, makeShort } = scene();
    await makeShort('payer');
    for (const name of ['a', 'b', 'c']) void offer('payer', name);
    for (const name of ['x', 'y', 'z']) void offer('another', name);
    await settled();
    expect(begun).toEqual(expect.arrayContaining(['a', 'b', 'x', 'y', 'z']));
    expect(begun).toHaveLength(5);
  });

  it('are refused where too many of them wait, and no more when those are done', async () => {
    const { offer, end, makeShort } = scene({ waitingMax: 1 });
    await makeShort('payer');
    for (const name of ['a', 'b', 'c']) void offer('payer', name);
    await expect(offer('payer', 'd')).rejects.toMatchObject({
      problem: { status: 503, code: 'payer_overloaded' },
    });
    await end('a', 'good');
    const later = offer('payer', 'e');
    await end('b', 'good');
    await end('c', 'good');
    await end('e', 'good');
    await expect(later).resolves.toBe('good');
  });

  it('are looked at all at once again after a while', async () => {
    const { begun, offer, makeShort, pass } = scene();
    await makeShort('payer');
    pass(1_001);
    for (const name of ['a', 'b', 'c']) void offer('payer', name);
    expect(begun).toEqual(['a', 'b', 'c']);
  });

  it('leave their place when looking at one fails', async () => {
    const lanes = new PayerLanes({ inHandMax: 1 });
    await lanes.run(
      'payer',
      async () => 'short',
      () => true,
    );
    const fails = async (): Promise<string> =>
      lanes.run(
        'payer',
        () => Promise.reject(new TypeError('down')),
        () => false,
      );
    await expect(fails()).rejects.toThrow('down');
    await expect(fails()).rejects.toThrow('down');
  });
});
