import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { z } from 'zod';

import { paymentSchema } from '../src/payment/payment.schema.js';
import { transactionPage } from '../src/transaction/transaction.schema.js';
import { chainId, filled, finalized, PaymentStory, relayer } from './payment-events.js';
import { RunningLedger } from './running-ledger.js';

let ledger: RunningLedger;

beforeAll(async () => {
  ledger = await RunningLedger.start();
}, 60_000);

afterAll(() => ledger.close(), 30_000);

describe('what the chain does', () => {
  it('is shown: what a reorganisation took back, and what is final', async () => {
    const story = new PaymentStory({ name: 'reorganised', amount: 3n });
    const shown = (): Promise<z.output<typeof paymentSchema>> =>
      ledger.read(paymentSchema, `/payments/${story.paymentId}`);
    // Made in the order in which they happened.
    const [accepted, submitted, replaced] = [story.accepted(), story.submitted(), story.replaced(1, 2, 270n)];
    const first = story.confirmed('us', { fee: 9n }, 'a block that is gone');
    const reorged = [story.reorged(first), story.released(1, 'missed', { fee: 4n }), story.submitted(2)];
    await ledger.transport.publish([accepted]);
    await ledger.arrives(story, 'accepted');
    await ledger.transport.publish([submitted, replaced, first]);
    await ledger.arrives(story, 'confirmed');
    await ledger.transport.publish(reorged);
    await ledger.arrives(story, 'submitted');
    await ledger.transport.publish([story.confirmed('us', { attempt: 2, fee: 5n })]);
    await ledger.arrives(story, 'confirmed');
    expect(await shown()).toMatchObject({
      final: false,
      transaction: story.transaction(2),
      gas: [
        { attempt: 1, outcome: 'missed', fee: '4' },
        { attempt: 2, outcome: 'ok', fee: '5' },
      ],
    });
    await ledger.transport.publish([finalized(1_234_566n)]);
    await ledger.transport.publish([finalized(1_234_567n), finalized(5n)]);
    await ledger.until('finality', async () => (await shown()).final);
    expect((await shown()).timeline.map(({ what }) => what)).toEqual([
      'accepted',
      'submitted',
      'replaced',
      'confirmed',
      'reorged',
      'gas spent',
      'released',
      'submitted',
      'gas spent',
      'confirmed',
    ]);
  });

  it('is shown: what a transaction without payments cost', async () => {
    const filler = filled('shown', 21_000n);
    await ledger.transport.publish([filler]);
    const shown = async (): Promise<unknown[]> => {
      const { items } = await ledger.read(
        transactionPage,
        `/transactions?chain_transaction=${filler.data.transaction}`,
      );
      return items;
    };
    await ledger.until('the filler', async () => (await shown()).length > 0);
    expect(await shown()).toMatchObject([
      {
        book: 'G',
        paymentId: null,
        event: 'settlement.filled',
        entries: [
          { account: `G:expense:gas:${chainId}:filler`, amount: '21000' },
          { account: `G:wallet:relayer:${chainId}:${relayer}`, amount: '-21000' },
        ],
      },
    ]);
  });

  it('is counted, and how late it came into the books', async () => {
    const { status, body } = await ledger.get('/metrics');
    expect(status).toBe(200);
    expect(body['text']).toMatch(
      /quittance_ledger_posted_total\{event="settlement.filled",service="ledger"\} 1/,
    );
    expect(body['text']).toMatch(/quittance_ledger_lag_seconds\{service="ledger"\} \d/);
  });
});
