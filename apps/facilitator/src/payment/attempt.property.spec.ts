import { describe, expect, it } from '@jest/globals';
import { catalogue, type EventOf } from '@quittance/events';
import fc from 'fast-check';

import { type Attempt, attemptsAfter } from './attempt.js';
import type { MovingEvent } from './transition.js';

const ids = fc.integer({ min: 1, max: 9 }).map((n) => `0b0e1f4e-2c52-4c1c-9a3e-00000000000${n}`);
const hashes = fc.constantFrom('11', '22', '33', '44').map((byte) => `0x${byte.repeat(32)}` as const);
const attemptNumbers = fc.integer({ min: 1, max: 3 });

const fixture = <Type extends MovingEvent['type']>(type: Type): EventOf<Type> =>
  catalogue[type].fixture as unknown as EventOf<Type>;

function variants<Type extends MovingEvent['type']>(
  type: Type,
  changes: fc.Arbitrary<Partial<EventOf<Type>['data']>>,
): fc.Arbitrary<EventOf<Type>> {
  return fc
    .record({ id: ids, data: changes })
    .map(({ id, data }) => ({ ...fixture(type), id, data: { ...fixture(type).data, ...data } }));
}

const gas = fc.option(
  fc.record({ attempt: attemptNumbers, outcome: fc.constantFrom('ok', 'reverted', 'missed') }),
);
const gasOf = (part: { attempt: number; outcome: 'ok' | 'reverted' | 'missed' } | null) =>
  part === null ? null : { ...(fixture('settlement.confirmed').data.gas as never as object), ...part };

const events: fc.Arbitrary<MovingEvent> = fc.oneof(
  variants('settlement.submitted', fc.record({ attempt: attemptNumbers, transaction: hashes })),
  variants(
    'settlement.replaced',
    fc.record({
      attempt: attemptNumbers,
      version: fc.integer({ min: 2, max: 4 }),
      transaction: hashes,
    }),
  ),
  variants(
    'settlement.released',
    fc.record({
      attempt: attemptNumbers,
      transaction: hashes,
      cause: fc.constantFrom('displaced' as const, 'missed' as const, 'reverted' as const),
    }),
  ),
  variants(
    'settlement.confirmed',
    fc.record({ transaction: hashes, gas: gas.map((part) => gasOf(part as never) as never) }),
  ),
  variants('settlement.failed', fc.record({ transaction: hashes })),
  variants('settlement.reorged', fc.record({ takesBack: ids })),
);

const lives = fc.array(events, { maxLength: 16 });
const stepsOf = (history: readonly MovingEvent[]) => {
  const steps: Array<readonly Attempt[]> = [[]];
  for (const event of history) steps.push(attemptsAfter(steps.at(-1) ?? [], event));
  return steps;
};

const unmined = new Set(['pending', 'replaced', 'displaced', 'reorged']);

describe('any order of events, with any repeated or missing,', () => {
  it('never loses an attempt, nor changes what was signed', () => {
    fc.assert(
      fc.property(lives, (history) => {
        const steps = stepsOf(history);
        for (const [index, step] of steps.entries()) {
          const signed = (attempts: readonly Attempt[]) =>
            attempts.map(({ attempt, version, transaction }) => ({ attempt, version, transaction }));
          const before = signed(steps[index - 1] ?? []);
          expect(signed(step).slice(0, before.length)).toEqual(before);
        }
      }),
    );
  });

  it('has each version of each attempt once, and of those that share a nonce at most one in a block', () => {
    fc.assert(
      fc.property(lives, (history) => {
        const end = stepsOf(history).at(-1) ?? [];
        const names = end.map(({ attempt, version }) => `${attempt}.${version}`);
        expect(new Set(names).size).toBe(names.length);
        const mined = end.filter(({ outcome }) => !unmined.has(outcome)).map(({ attempt }) => attempt);
        expect(new Set(mined).size).toBe(mined.length);
      }),
    );
  });

  it('always leaves what the database’s guards demand', () => {
    fc.assert(
      fc.property(lives, (history) => {
        for (const { outcome, outcomeEventId, blockNumber, fee, version, relayer } of stepsOf(
          history,
        ).flat()) {
          if (outcome !== 'pending') expect(outcomeEventId).not.toBeNull();
          if (outcome === 'settled') expect(blockNumber).not.toBeNull();
          if (unmined.has(outcome)) expect([blockNumber, fee]).toEqual([null, null]);
          if (version === 1) expect(relayer).not.toBeNull();
        }
      }),
    );
  });

  it('changes nothing when an event comes twice', () => {
    fc.assert(
      fc.property(lives, events, (history, event) => {
        const once = attemptsAfter(stepsOf(history).at(-1) ?? [], event);
        expect(attemptsAfter(once, event)).toEqual(once);
      }),
    );
  });
});

describe('an attempt', () => {
  const [submit, replace, release, confirm, reorg] = [
    fixture('settlement.submitted'),
    fixture('settlement.replaced'),
    fixture('settlement.released'),
    fixture('settlement.confirmed'),
    fixture('settlement.reorged'),
  ];
  const outcomes = (...history: MovingEvent[]) =>
    (stepsOf(history).at(-1) ?? []).map(({ attempt, version, outcome, fee }) => [
      attempt,
      version,
      outcome,
      fee,
    ]);
  const confirmNewest = {
    ...confirm,
    data: { ...confirm.data, transaction: replace.data.transaction },
  };
  const fee = BigInt(confirm.data.gas?.fee ?? 0);

  it('that was replaced is the relayer’s of the first version, and either version may settle', () => {
    expect(outcomes(submit, replace)).toEqual([
      [1, 1, 'replaced', null],
      [1, 2, 'pending', null],
    ]);
    expect(stepsOf([submit, replace]).at(-1)?.[1]).toMatchObject({ relayer: submit.data.relayer });
    expect(outcomes(submit, replace, confirm)).toEqual([
      [1, 1, 'settled', fee],
      [1, 2, 'displaced', null],
    ]);
    expect(outcomes(submit, replace, confirmNewest)).toEqual([
      [1, 1, 'replaced', null],
      [1, 2, 'settled', fee],
    ]);
  });

  it('whose block left the chain may be mined again, as may those that had lost their nonce to it', () => {
    const takesBack = { ...reorg, data: { ...reorg.data, takesBack: confirm.id } };
    expect(outcomes(submit, replace, confirm, takesBack)).toEqual([
      [1, 1, 'reorged', null],
      [1, 2, 'pending', null],
    ]);
    const again = { ...confirmNewest, id: '0b0e1f4e-2c52-4c1c-9a3e-6a3d1b1f0098' };
    expect(outcomes(submit, replace, confirm, takesBack, again)).toEqual([
      [1, 1, 'displaced', null],
      [1, 2, 'settled', fee],
    ]);
  });

  it('that ended without settling is followed by the next', () => {
    const next = {
      ...submit,
      data: { ...submit.data, attempt: 2, transaction: `0x${'22'.repeat(32)}` as const },
    };
    expect(outcomes(submit, release, next)).toEqual([
      [1, 1, release.data.cause, release.data.gas === null ? null : BigInt(release.data.gas.fee)],
      [2, 1, 'pending', null],
    ]);
  });

  it('of ours that was mined after somebody else settled the payment is told of with its cost', () => {
    const other = { ...confirm, data: { ...confirm.data, transaction: `0x${'99'.repeat(32)}` as const } };
    const late = {
      ...other,
      data: { ...other.data, gas: { ...confirm.data.gas, outcome: 'reverted' } as typeof confirm.data.gas },
    };
    expect(outcomes(submit, late)).toEqual([[1, 1, 'reverted', fee]]);
  });
});
