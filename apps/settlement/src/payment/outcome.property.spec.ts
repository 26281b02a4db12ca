import { describe, expect, it } from '@jest/globals';
import { catalogue, type EventOf, parseEvent } from '@quittance/events';
import fc from 'fast-check';

import type { AttemptState } from '../attempt/attempt.js';
import { acceptedPayment } from './accepted-payment.js';
import { attemptOf, type Finding } from './finding.js';
import { applyFinding, type SettlementEvent, type Watched, type WatchedAttempt } from './outcome.js';
import type { Hex } from './payment.js';

const payment = acceptedPayment(
  catalogue['payment.accepted'].fixture as unknown as EventOf<'payment.accepted'>,
);
const { paymentId } = payment;
const hash = (digit: string): Hex => `0x${digit.repeat(64)}`;
const block = { number: 7n, hash: hash('b'), time: 1_795_032_000n };
const cost = { blockNumber: 7n, gasUsed: 85_000n, gasPrice: 10n, fee: 850_000n };
const relayer: Hex = '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266';
const id = 'f0e1d2c3-0000-4000-8000-000000000001';

const byUs: Finding = {
  type: 'landed',
  paymentId,
  landing: { transaction: hash('1'), block, logIndex: 0 },
  own: { attempt: 1, cost },
};
const byOther: Finding = {
  type: 'landed',
  paymentId,
  landing: { transaction: hash('2'), block, logIndex: 1 },
  own: null,
};
const reverted: Finding = {
  type: 'reverted',
  paymentId,
  attempt: 1,
  transaction: hash('1'),
  block,
  cost,
  reason: 'insufficient_funds',
  detail: 'Mined and reverted: exceeds balance',
  authorizationSpent: false,
};
const displaced: Finding = { type: 'displaced', paymentId, attempt: 1 };
const refused: Finding = {
  type: 'refused',
  paymentId,
  reason: 'insufficient_funds',
  detail: 'x',
  authorizationSpent: false,
};

const submitted: Watched = {
  payment,
  standing: { state: 'submitted', attempts: 1 },
  lastEventId: 'f0e1d2c3-0000-4000-8000-000000000000',
  settled: null,
  failureReason: null,
};

type Played = {
  readonly watched: Watched;
  readonly attempt: AttemptState;
  readonly events: readonly SettlementEvent[];
};

function play(findings: readonly Finding[], from = submitted): Played {
  let watched = from;
  let attempt: WatchedAttempt = { n: 1, relayer, state: 'outstanding' };
  const events: SettlementEvent[] = [];
  for (const finding of findings) {
    const about = attemptOf(finding) === 1 ? attempt : null;
    const outcome = applyFinding(watched, about, { finding, stamp: { id, at: new Date(0) } });
    watched = outcome.watched;
    if (outcome.attempt !== null) attempt = { ...attempt, state: outcome.attempt.state };
    if (outcome.event !== null) events.push(outcome.event);
  }
  return { watched, attempt: attempt.state, events };
}

const told = ({ events }: Played) =>
  events.map(({ type, data }) => ({
    type,
    ...('settledBy' in data ? { settledBy: data.settledBy } : {}),
    gas: 'gas' in data ? (data.gas?.outcome ?? null) : null,
  }));

describe('what is told about a payment', () => {
  it('is its confirmation with the gas, when we land it', () => {
    expect(told(play([byUs]))).toEqual([{ type: 'settlement.confirmed', settledBy: 'us', gas: 'ok' }]);
  });

  it('is a confirmation by another, and later what our late transaction cost', () => {
    const played = play([byOther, reverted]);
    expect(told(played)).toEqual([
      { type: 'settlement.confirmed', settledBy: 'other', gas: null },
      { type: 'settlement.confirmed', settledBy: 'other', gas: 'reverted' },
    ]);
    expect(played.events.map(({ data }) => data.transaction)).toEqual([hash('2'), hash('2')]);
  });

  it('is a failure with its gas, and a confirmation when somebody lands it after all', () => {
    expect(told(play([reverted, byOther]))).toEqual([
      { type: 'settlement.failed', gas: 'reverted' },
      { type: 'settlement.confirmed', settledBy: 'other', gas: null },
    ]);
  });

  it('is nothing when a nonce was displaced: the payment is queued again', () => {
    const played = play([displaced]);
    expect([played.watched.standing.state, played.attempt, played.events]).toEqual([
      'queued',
      'displaced',
      [],
    ]);
  });

  it('is a failure without gas when the chain refused before anything was signed', () => {
    const queued: Watched = { ...submitted, standing: { state: 'queued', attempts: 0 } };
    expect(told(play([refused, refused], queued))).toEqual([{ type: 'settlement.failed', gas: null }]);
  });

  it('is said once however often it is found, and in words that every consumer can read', () => {
    const findings = fc.array(fc.constantFrom(byUs, byOther, reverted, displaced, refused), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(findings, (list) => {
        const once = play(list);
        const twice = play(list.flatMap((finding) => [finding, finding]));
        expect(twice).toEqual(once);
        expect(
          once.events.filter(({ type, data }) => type === 'settlement.confirmed' && data.gas === null).length,
        ).toBeLessThanOrEqual(1);
        expect(
          once.events.filter(({ data }) => 'gas' in data && data.gas !== null).length,
        ).toBeLessThanOrEqual(1);
        for (const event of once.events)
          expect(parseEvent(JSON.parse(JSON.stringify(event)))).toMatchObject({ ok: true });
        expect(once.watched.settled === null).toBe(once.watched.standing.state !== 'confirmed');
      }),
    );
  });
});
