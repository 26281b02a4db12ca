import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { Boarding } from './boarding.js';

const blockMs = 2_000;

/** As after some payments that each took so long. */
function boardingWhere(takesMs: number): Boarding {
  const boarding = new Boarding();
  for (let payments = 0; payments < 200; payments += 1) boarding.settled(takesMs);
  return boarding;
}

async function arrivals(boarding: Boarding, atMs: readonly number[]): Promise<number[]> {
  const begunMs = performance.now();
  const turns = atMs.map(async (ms) => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    await boarding.board();
    return performance.now() - begunMs;
  });
  await jest.advanceTimersByTimeAsync(blockMs);
  return Promise.all(turns);
}

describe('payments on their way in', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('go together when they come shortly after each other and blocks take long', async () => {
    const turns = await arrivals(boardingWhere(blockMs), [10, 12, 14, 30, 41, 45, 69]);
    expect(turns).toEqual([10, 40, 40, 40, 70, 70, 70]);
  });

  it('wait for nobody when nobody went in just now', async () => {
    expect(await arrivals(boardingWhere(blockMs), [10, 50, 200, 400])).toEqual([10, 50, 200, 400]);
  });

  it('wait for nobody where payments end within moments', async () => {
    expect(await arrivals(boardingWhere(100), [1, 2, 3, 4])).toEqual([1, 2, 3, 4]);
  });

  it('wait for nobody before it is known how long they take', async () => {
    expect(await arrivals(new Boarding(), [1, 2, 3])).toEqual([1, 2, 3]);
  });

  it('wait no longer than a moment, however long they take', async () => {
    const [, second = 0] = await arrivals(boardingWhere(60_000), [0, 1]);
    expect(second).toBe(30);
  });

  it('wait less again once they take less', async () => {
    const boarding = boardingWhere(blockMs);
    for (let payments = 0; payments < 200; payments += 1) boarding.settled(50);
    expect(await arrivals(boarding, [1, 2, 3])).toEqual([1, 2, 3]);
  });
});
