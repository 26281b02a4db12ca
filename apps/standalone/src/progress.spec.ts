import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { createProgress, type Progress } from './progress.js';

let lines: string[];
let progress: Progress;

beforeEach(() => {
  jest.useFakeTimers();
  lines = [];
  progress = createProgress(
    (text) => lines.push(text),
    () => Date.now(),
  );
});

afterEach(() => {
  jest.useRealTimers();
});

describe('a step', () => {
  it('says every 5 seconds that it still lasts, and at its end how long it took', async () => {
    let finish: (result: string) => void = () => undefined;
    const ended = progress.step('Postgres', async () => new Promise<string>((resolve) => (finish = resolve)));
    await jest.advanceTimersByTimeAsync(11_000);
    finish('up');
    expect(await ended).toBe('up');
    await jest.advanceTimersByTimeAsync(20_000);
    expect(lines).toEqual([
      '  … Postgres: 5 s\n',
      '  … Postgres: 10 s\n',
      `  ✓ ${'Postgres'.padEnd(34)} 11000 ms\n`,
    ]);
  });

  it('says that it failed, and is silent after that', async () => {
    await expect(progress.step('anvil', async () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await jest.advanceTimersByTimeAsync(20_000);
    expect(lines).toEqual([expect.stringMatching(/^ {2}✗ anvil +0 ms\n$/)]);
  });
});

describe('a wait', () => {
  it('is worth no line when it is short', async () => {
    await progress.wait('leftovers', async () => Promise.resolve());
    expect(lines).toEqual([]);
  });

  it('says every 5 seconds that it still lasts', async () => {
    const ended = progress.wait(
      'leftovers',
      async () => new Promise<void>((resolve) => setTimeout(resolve, 6_000)),
    );
    await jest.advanceTimersByTimeAsync(6_000);
    await ended;
    expect(lines).toEqual(['  … leftovers: 5 s\n']);
  });
});
