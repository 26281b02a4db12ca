import { describe, expect, it } from '@jest/globals';

import { Gathering } from './gathering.js';

function doubling(
  options: {
    readonly itemsMax?: number;
    readonly runsMax?: number;
    readonly bad?: number;
    readonly companyMs?: number;
  } = {},
) {
  const runs: Array<readonly number[]> = [];
  const gathering = new Gathering<number, number>({
    itemsMax: options.itemsMax ?? 100,
    runsMax: options.runsMax ?? 1,
    companyMs: options.companyMs ?? 0,
    isOfOneItem: (fault) => fault instanceof RangeError,
    run: async (items) => {
      runs.push(items);
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (options.bad !== undefined && items.includes(options.bad)) throw new RangeError('bad');
      if (items.includes(0)) throw new TypeError('down');
      return items.map((item) => item * 2);
    },
  });
  return { runs, gathering };
}

describe('what is asked for at once', () => {
  it('is done in one run, each getting its own result', async () => {
    const { runs, gathering } = doubling();
    await expect(Promise.all([1, 2, 3].map((item) => gathering.ask(item)))).resolves.toEqual([2, 4, 6]);
    expect(runs).toEqual([[1, 2, 3]]);
  });

  it('gathers while a run is under way, and is not kept waiting by others to come', async () => {
    const { runs, gathering } = doubling({ itemsMax: 3 });
    const first = gathering.ask(1);
    await new Promise((resolve) => setTimeout(resolve, 1));
    const rest = [2, 3, 4, 5].map((item) => gathering.ask(item));
    await expect(Promise.all([first, ...rest])).resolves.toEqual([2, 4, 6, 8, 10]);
    expect(runs).toEqual([[1], [2, 3, 4], [5]]);
  });

  it('is done in as many runs at a time as may be', async () => {
    const { runs, gathering } = doubling({ itemsMax: 1, runsMax: 2 });
    await Promise.all([1, 2, 3].map((item) => gathering.ask(item)));
    expect(runs).toEqual([[1], [2], [3]]);
  });

  it('keeps who comes alone waiting for nobody, however often', async () => {
    const { runs, gathering } = doubling({ runsMax: 9, companyMs: 60_000 });
    for (const item of [1, 2, 3]) await gathering.ask(item);
    expect(runs).toEqual([[1], [2], [3]]);
  });

  it('waits a moment for as many as came together before, and no longer once they are there', async () => {
    const { runs, gathering } = doubling({ runsMax: 9, companyMs: 60_000 });
    await Promise.all([1, 2, 3].map((item) => gathering.ask(item)));
    const first = gathering.ask(4);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await Promise.all([first, gathering.ask(5), gathering.ask(6)]);
    expect(runs).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
  });

  it('goes without those who do not come, and does not wait for them again', async () => {
    const { runs, gathering } = doubling({ runsMax: 9, companyMs: 30 });
    await Promise.all([1, 2].map((item) => gathering.ask(item)));
    await gathering.ask(3);
    await gathering.ask(4);
    expect(runs).toEqual([[1, 2], [3], [4]]);
  });

  it('fails together when the fault is everybody’s', async () => {
    const { runs, gathering } = doubling();
    const outcomes = await Promise.allSettled([1, 0, 2].map((item) => gathering.ask(item)));
    expect(outcomes.map(({ status }) => status)).toEqual(Array(3).fill('rejected'));
    expect(runs).toHaveLength(1);
  });

  it('is done one by one when the fault is one item’s own, and only that one fails', async () => {
    const { gathering } = doubling({ bad: 2 });
    const outcomes = await Promise.allSettled([1, 2, 3].map((item) => gathering.ask(item)));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    await expect(gathering.ask(4)).resolves.toBe(8);
  });
});
