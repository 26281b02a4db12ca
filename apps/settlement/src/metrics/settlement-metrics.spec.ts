import { describe, expect, it } from '@jest/globals';
import type { ChainId } from '@quittance/money';

import type { SettlerHooks } from '../chain/chain-settler.loop.js';
import type { Outcome } from '../payment/outcome.js';
import { SettlementMetrics } from './settlement-metrics.js';

const chain = 'eip155:1' as ChainId;

function fixture(): { hooks: SettlerHooks; samples: (start: string) => Promise<string[]> } {
  const figures = new SettlementMetrics({
    stored: { read: async () => [] },
    chains: () => [],
    now: () => 10_000,
  });
  const samples = async (start: string) =>
    (await figures.metrics.text()).split('\n').filter((line) => line.startsWith(start));
  return { hooks: figures.hooksOf(chain), samples };
}

/** A landing that was told by the event `told`, of a payment whose outcome was told by `e1`. */
function landed(told: string): Outcome {
  return {
    watched: { acceptedMs: 7_500, outcomeEventId: 'e1' },
    attempt: { n: 1, state: 'landed', cost: { gasUsed: 43_000n }, eventId: told },
    event: { id: told, type: 'settlement.confirmed' },
  } as Outcome;
}

describe('the figures of settling', () => {
  it('begin at 0, so that the first time of what should never happen is a rise', async () => {
    const { samples } = fixture();
    for (const name of ['reorgs', 'replacements', 'replacements_stuck'])
      expect(await samples(`quittance_${name}_total{chain="eip155:1"`)).toEqual([
        expect.stringMatching(/ 0$/),
      ]);
    expect(await samples('quittance_attempts_total{')).toHaveLength(4);
  });

  it('count a confirmation once, though somebody else’s landing is told again with what ours cost', async () => {
    const { hooks, samples } = fixture();
    hooks.onOutcomes([landed('e1'), landed('e2')]);
    expect(await samples('quittance_confirm_seconds_count')).toEqual([expect.stringMatching(/ 1$/)]);
    expect(await samples('quittance_confirm_seconds_sum')).toEqual([expect.stringMatching(/ 2\.5$/)]);
    expect(await samples('quittance_gas_per_payment_count')).toEqual([expect.stringMatching(/ 2$/)]);
  });

  it('count attempts that ended, not those that are under way again', async () => {
    const { hooks, samples } = fixture();
    hooks.onOutcomes([
      { watched: {}, attempt: { n: 1, state: 'missed', cost: null, eventId: 'e' }, event: null } as Outcome,
      {
        watched: {},
        attempt: { n: 1, state: 'outstanding', cost: null, eventId: null },
        event: null,
      } as Outcome,
      { watched: {}, attempt: null, event: null } as Outcome,
    ]);
    expect(await samples('quittance_attempts_total{chain="eip155:1",outcome="missed"')).toEqual([
      expect.stringMatching(/ 1$/),
    ]);
    expect(await samples('quittance_attempts_total{')).toHaveLength(4);
  });

  it('leave batches without payments out', async () => {
    const { hooks, samples } = fixture();
    hooks.onSigned({ paymentIds: [] } as never);
    hooks.onSigned({ paymentIds: ['a', 'b'] } as never);
    expect(await samples('quittance_batch_payments_sum')).toEqual([expect.stringMatching(/ 2$/)]);
    expect(await samples('quittance_batch_payments_count')).toEqual([expect.stringMatching(/ 1$/)]);
  });
});
