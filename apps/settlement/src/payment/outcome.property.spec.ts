import { describe, expect, it } from '@jest/globals';
import { catalogue, type EventOf, parseEvent } from '@quittance/events';
import fc from 'fast-check';

import type { AttemptState } from '../batch/batch.js';
import { acceptedPayment } from './accepted-payment.js';
import { attemptOf, type Finding } from './finding.js';
import { applyFinding, takeBack, type Watched } from './outcome.js';
import type { Hex } from './payment.js';
import type { SettlementEvent } from './settlement-event.js';

const payment = acceptedPayment(
  catalogue['payment.accepted'].fixture as unknown as EventOf<'payment.accepted'>,
);
const { paymentId } = payment;
const hash = (digit: string): Hex => `0x${digit.repeat(64)}`;
const blockAt = (number: bigint) => ({ number, hash: hash('b'), time: 1_795_032_000n + number });
const block = blockAt(7n);
const cost = { gasUsed: 85_000n, gasPrice: 10n, l1Fee: 1n, fee: 850_001n };
const relayer: Hex = '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266';
let ids = 0;
const newId = () => `f0e1d2c3-0000-4000-8000-${String((ids += 1)).padStart(12, '0')}`;

const byUs: Finding = {
  type: 'landed',
  paymentId,
  landing: { transaction: hash('1'), block, logIndex: 0 },
  by: 'us',
  own: { attempt: 1, cost },
};
const byOther: Finding = {
  type: 'landed',
  paymentId,
  landing: { transaction: hash('2'), block, logIndex: 1 },
  by: 'other',
  own: null,
};
const reverted: Finding = {
  type: 'reverted',
  paymentId,
  attempt: 1,
  cause: 'reverted',
  transaction: hash('1'),
  block,
  cost,
  reason: 'insufficient_funds',
  detail: 'Mined and reverted: exceeds balance',
  authorizationSpent: false,
};
const released = (cause: 'displaced' | 'missed' | 'reverted', batchLimit: number | null = null): Finding => ({
  type: 'released',
  paymentId,
  attempt: 1,
  cause,
  transaction: hash('1'),
  mined: cause === 'displaced' ? null : { block, cost },
  batchLimit,
});
const refused: Finding = {
  type: 'refused',
  paymentId,
  reason: 'insufficient_funds',
  detail: 'x',
  authorizationSpent: false,
};
const all = [
  byUs,
  byOther,
  reverted,
  released('displaced'),
  released('missed'),
  released('reverted', 5),
  refused,
];

const submitted: Watched = {
  payment,
  acceptedMs: 1_763_640_000_000,
  standing: { state: 'submitted', attempts: 1, underWay: [1] },
  lastEventId: 'f0e1d2c3-0000-4000-8000-000000000000',
  outcomeEventId: null,
  settled: null,
  failureReason: null,
  batchLimit: 1_000,
  reorgs: 0,
};

type Played = {
  readonly watched: Watched;
  readonly attempt: AttemptState;
  readonly attemptEventId: string | null;
  readonly events: readonly SettlementEvent[];
};

const start = (watched = submitted): Played => ({
  watched,
  attempt: watched.standing.underWay.length === 0 ? 'displaced' : 'outstanding',
  attemptEventId: null,
  events: [],
});

function step(played: Played, finding: Finding): Played {
  const about = attemptOf(finding) === 1 ? { n: 1, relayer, state: played.attempt } : null;
  const { watched, attempt, event } = applyFinding(played.watched, about, {
    finding,
    stamp: { id: newId(), at: new Date(0) },
  });
  return {
    watched,
    attempt: attempt?.state ?? played.attempt,
    attemptEventId: attempt === null ? played.attemptEventId : attempt.eventId,
    events: event === null ? played.events : [...played.events, event],
  };
}

const play = (findings: readonly Finding[], from = submitted): Played => findings.reduce(step, start(from));

/** The blocks of all findings leave the chain. */
function reorg(played: Played): Played {
  const { attempt, attemptEventId, watched } = played;
  const ended = attempt === 'landed' || attempt === 'missed' || attempt === 'reverted';
  const told = { eventId: attemptEventId ?? '', transaction: hash('1'), block };
  const reorged = takeBack(
    watched,
    { attempts: ended ? [{ n: 1, told }] : [] },
    { ancestor: 6n, stamp: () => ({ id: newId(), at: new Date(0) }) },
  );
  return {
    watched: reorged.watched,
    attempt: ended ? 'outstanding' : attempt,
    attemptEventId: ended ? null : attemptEventId,
    events: [...played.events, ...reorged.events],
  };
}

const told = ({ events }: Pick<Played, 'events'>) =>
  events.map(({ type, data }) => ({
    type,
    ...('settledBy' in data ? { settledBy: data.settledBy } : {}),
    gas: 'gas' in data ? (data.gas?.outcome ?? null) : null,
  }));

describe('what is told about a payment', () => {
  it('is its confirmation with the gas, when we land it', () => {
    expect(told(play([byUs]))).toEqual([{ type: 'settlement.confirmed', settledBy: 'us', gas: 'ok' }]);
  });

  it.each(['missed', 'reverted', 'displaced'] as const)(
    'is a confirmation by another, and later that ours was %s and what that cost',
    (cause) => {
      const played = play([byOther, released(cause)]);
      expect(told(played)).toEqual([
        { type: 'settlement.confirmed', settledBy: 'other', gas: null },
        { type: 'settlement.released', gas: cause === 'displaced' ? null : cause },
      ]);
      expect([played.watched.standing.state, played.attempt]).toEqual(['confirmed', cause]);
    },
  );

  it('is a failure with its gas, and a confirmation when somebody lands it after all', () => {
    expect(told(play([reverted, byOther]))).toEqual([
      { type: 'settlement.failed', gas: 'reverted' },
      { type: 'settlement.confirmed', settledBy: 'other', gas: null },
    ]);
  });

  it('is the end of an attempt that did not settle it, and then it is queued again', () => {
    const played = play([released('reverted', 5)]);
    expect([played.watched.standing.state, played.watched.batchLimit, played.attempt]).toEqual([
      'queued',
      5,
      'reverted',
    ]);
    expect(told(played)).toEqual([{ type: 'settlement.released', gas: 'reverted' }]);
  });

  it('is what a transaction cost that was taken for displaced', () => {
    expect(told(play([released('displaced'), byUs]))).toEqual([
      { type: 'settlement.released', gas: null },
      { type: 'settlement.confirmed', settledBy: 'us', gas: 'ok' },
    ]);
  });

  it('is a failure without gas when the chain refused before anything was signed', () => {
    const queued: Watched = { ...submitted, standing: { state: 'queued', attempts: 0, underWay: [] } };
    expect(told(play([refused, refused], queued))).toEqual([{ type: 'settlement.failed', gas: null }]);
  });

  it('is said once however often it is found, and in words that every consumer can read', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...all), { maxLength: 12 }), (list) => {
        ids = 0;
        const once = play(list);
        const twice = list.reduce<Played>((played, finding) => {
          const first = step(played, finding);
          const second = step(first, finding);
          expect(second).toEqual(first);
          return first;
        }, start());
        expect(told(twice)).toEqual(told(once));
        for (const event of once.events)
          expect(parseEvent(JSON.parse(JSON.stringify(event)))).toMatchObject({ ok: true });
        expect(once.watched.settled === null).toBe(once.watched.standing.state !== 'confirmed');
        expect(
          once.events.filter(({ data }) => 'gas' in data && data.gas !== null).length,
        ).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('names the event of each outcome and of each attempt that has ended', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...all), { maxLength: 12 }), (list) => {
        const { watched, attempt, attemptEventId, events } = play(list);
        const concluded = watched.standing.state === 'confirmed' || watched.standing.state === 'failed';
        expect(watched.outcomeEventId !== null).toBe(concluded);
        expect(attemptEventId !== null).toBe(attempt !== 'outstanding');
        const known = new Set<string | null>([null, ...events.map(({ id }) => id)]);
        expect(known.has(watched.outcomeEventId) && known.has(attemptEventId)).toBe(true);
        expect(events.map(({ causationId }) => causationId)).toEqual(
          [submitted.lastEventId, ...events.map(({ id }) => id)].slice(0, events.length),
        );
      }),
    );
  });
});

describe('what is told when blocks leave the chain', () => {
  it('is that the confirmation does not hold, once, though it told of the payment and of our transaction', () => {
    const played = reorg(play([byUs]));
    expect(told(played)).toEqual([
      { type: 'settlement.confirmed', settledBy: 'us', gas: 'ok' },
      { type: 'settlement.reorged', gas: null },
    ]);
    expect(played.watched).toMatchObject({ standing: { state: 'submitted' }, settled: null, reorgs: 1 });
  });

  it('is each of the two when another confirmed it and ours missed', () => {
    const played = reorg(play([byOther, released('missed')]));
    expect(told(played).map(({ type }) => type)).toEqual([
      'settlement.confirmed',
      'settlement.released',
      'settlement.reorged',
      'settlement.reorged',
    ]);
    expect(played.watched.standing.state).toBe('submitted');
  });

  it('leaves alone what stands in blocks that stay', () => {
    const before = play([{ ...byOther, landing: { ...byOther.landing, block: blockAt(5n) } } as Finding]);
    const after = takeBack(
      before.watched,
      { attempts: [] },
      { ancestor: 6n, stamp: () => ({ id: newId(), at: new Date(0) }) },
    );
    expect(after.events).toEqual([]);
    expect(after.watched.standing).toBe(before.watched.standing);
  });

  it('takes back all that blocks told and nothing twice, so that what holds is told exactly once', () => {
    const steps = fc.array(fc.oneof(fc.constantFrom<Finding>(...all), fc.constant('reorg' as const)), {
      maxLength: 16,
    });
    fc.assert(
      fc.property(steps, (list) => {
        const played = list.reduce<Played>(
          (before, each) => (each === 'reorg' ? reorg(before) : step(before, each)),
          start(),
        );
        const taken = played.events.flatMap(({ data }) => ('takesBack' in data ? [data.takesBack] : []));
        expect(new Set(taken).size).toBe(taken.length);
        expect(taken.every((id) => played.events.some((event) => event.id === id))).toBe(true);
        const standing = played.events.filter(({ id }) => !taken.includes(id));
        const gas = standing.filter(({ data }) => 'gas' in data && data.gas !== null);
        expect(gas.length).toBe(['landed', 'missed', 'reverted'].includes(played.attempt) ? 1 : 0);
        const confirmed = standing.filter(
          ({ type, data }) => type === 'settlement.confirmed' && data !== null,
        );
        expect(confirmed.length > 0).toBe(played.watched.standing.state === 'confirmed');
      }),
      { numRuns: 500 },
    );
  });
});
