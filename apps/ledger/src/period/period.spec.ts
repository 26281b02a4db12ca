import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import {
  type ChecklistItem,
  itemOutcomes,
  periodSteps,
  periodStates,
  readiness,
  transition,
} from './period.js';

describe('a step with a period', () => {
  it('leads from open to soft, from there to hard or back, and nowhere else', () => {
    const moves = periodStates.flatMap((state) =>
      periodSteps.flatMap((step) => {
        const move = transition(state, step);
        return move.kind === 'moved' ? [`${state} ${step} ${move.state}`] : [];
      }),
    );
    expect(moves).toEqual(['open soft soft', 'soft hard hard', 'soft reopen open']);
  });
});

describe('a checklist', () => {
  const item = (name: string, outcome: ChecklistItem['outcome']): ChecklistItem => ({
    name,
    outcome,
    detail: '',
    listed: [],
  });

  it('is ready when nothing fails and all that is to be explained is', () => {
    const list = [item('a', 'pass'), item('b', 'explain'), item('c', 'not_configured')];
    expect(readiness(list, {})).toEqual({ kind: 'not_ready', failing: [], unexplained: ['b'] });
    expect(readiness(list, { b: '' })).toMatchObject({ kind: 'not_ready' });
    expect(readiness(list, { b: 'a transfer of the bank' })).toEqual({ kind: 'ready' });
  });

  it('is never ready with an item that fails, whatever is said to it', () => {
    const items = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom(...itemOutcomes)));
    fc.assert(
      fc.property(items, (given) => {
        const list = given.map(([name, outcome]) => item(name, outcome));
        const said = Object.fromEntries(given.map(([name]) => [name, 'said']));
        const fails = list.some(({ outcome }) => outcome === 'fail');
        expect(readiness(list, said).kind).toBe(fails ? 'not_ready' : 'ready');
      }),
    );
  });
});
