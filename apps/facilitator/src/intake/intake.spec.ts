import { describe, expect, it } from '@jest/globals';
import { parseChainId } from '@quittance/money';
import fc from 'fast-check';

import { type ChainStanding, Intake } from './intake.js';

const chainId = parseChainId('eip155:84532');
const other = parseChainId('eip155:8453');
const standing = (changes: Partial<ChainStanding> = {}): ChainStanding => ({
  chainId,
  isSuspended: false,
  undecided: 0,
  ...changes,
});
const fullQueue = { problem: { status: 503, code: 'queue_full' } };
const entering = (intake: Intake) => () => intake.enter(chainId);

function problemOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

describe('the queue of a chain', () => {
  it('takes as many as it may, counting those it holds and those the registry counted', async () => {
    const intake = new Intake([chainId, other], 3);
    await intake.refresh(async () => [standing({ undecided: 1 })]);
    intake.enter(chainId).leave(true);
    const held = intake.enter(chainId);
    expect(problemOf(entering(intake))).toMatchObject(fullQueue);
    expect(() => intake.enter(other)).not.toThrow();
    held.leave(false);
    expect(entering(intake)).not.toThrow();
  });

  it('has room again when the registry counts fewer', async () => {
    const intake = new Intake([chainId], 2);
    await intake.refresh(async () => [standing({ undecided: 2 })]);
    expect(problemOf(entering(intake))).toMatchObject(fullQueue);
    await intake.refresh(async () => [standing({ undecided: 1 })]);
    expect(entering(intake)).not.toThrow();
  });

  it('forgets nothing that was reserved while the registry was counting', async () => {
    const intake = new Intake([chainId], 2);
    const early = intake.enter(chainId);
    await intake.refresh(async () => {
      early.leave(true);
      intake.enter(chainId).leave(true);
      return [standing({ undecided: 0 })];
    });
    expect(problemOf(entering(intake))).toMatchObject(fullQueue);
    await intake.refresh(async () => [standing({ undecided: 0 })]);
    expect(intake.undecided()).toEqual([{ chainId, count: 0 }]);
  });

  it('never takes on more than it may, whatever happens between counts', async () => {
    const steps = fc.array(fc.constantFrom('enter', 'reserve', 'drop', 'count', 'decide'), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(steps, async (history) => {
        const intake = new Intake([chainId], 5);
        const held: Array<ReturnType<Intake['enter']>> = [];
        let undecided = 0;
        for (const step of history) {
          if (step === 'enter') {
            const place = problemOf(entering(intake));
            if (!(place instanceof Error)) held.push(place as (typeof held)[number]);
          } else if (step === 'count') await intake.refresh(async () => [standing({ undecided })]);
          else if (step === 'decide') undecided = Math.max(0, undecided - 1);
          else {
            const place = held.shift();
            if (place !== undefined && step === 'reserve') undecided += 1;
            place?.leave(step === 'reserve');
          }
          expect(undecided + held.length).toBeLessThanOrEqual(5);
        }
      }),
    );
  });
});

describe('a suspended chain', () => {
  it('takes on nothing, says so, and settles again when it is resumed', async () => {
    const intake = new Intake([chainId, other], 3);
    await intake.refresh(async () => [standing({ isSuspended: true })]);
    const suspended = { problem: { status: 503, code: 'network_suspended' } };
    expect(problemOf(entering(intake))).toMatchObject(suspended);
    expect(problemOf(() => intake.requireSettling(chainId))).toMatchObject(suspended);
    expect([intake.isSuspended(chainId), intake.isSuspended(other)]).toEqual([true, false]);
    await intake.refresh(async () => [standing()]);
    expect(() => intake.requireSettling(chainId)).not.toThrow();
  });

  it('stays so while nothing can be asked', async () => {
    const intake = new Intake([chainId], 3);
    await intake.refresh(async () => [standing({ isSuspended: true })]);
    await expect(intake.refresh(() => Promise.reject(new RangeError('down')))).rejects.toThrow('down');
    expect(intake.isSuspended(chainId)).toBe(true);
  });
});
