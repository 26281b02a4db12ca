import { describe, expect, it } from '@jest/globals';

import { type CountedRun, joined, ofDays, type Piece, runsFrom } from './line-piece.js';

const counted = (start: bigint, end: bigint, day: number): CountedRun => ({
  accountId: '7',
  start,
  end,
  from: `2026-09-0${day}T00:00:00.000Z`,
  until: `2026-09-0${day + 1}T00:00:00.000Z`,
  lines: 10,
});

const piece = (given: Partial<Piece>): Piece => ({
  level: 0,
  block: '3',
  day: '2026-09-01',
  lines: 12,
  pieces: 1,
  small_blocks: null,
  small_lines: null,
  small_kin_lines: null,
  ...given,
});

describe('the runs of a page', () => {
  it('are joined where one begins as another of the same day ends', () => {
    const runs = joined([
      counted(0n, 10n, 1),
      counted(10n, 20n, 1),
      counted(30n, 40n, 1),
      counted(40n, 50n, 2),
    ]);
    expect(runs.map(({ start, end, lines }) => [start, end, lines])).toEqual([
      [0n, 20n, 20],
      [30n, 40n, 10],
      [40n, 50n, 10],
    ]);
  });

  it('are read once for all days of a block', () => {
    const runs = ofDays([
      counted(0n, 10n, 1),
      counted(20n, 30n, 1),
      counted(0n, 10n, 2),
      counted(0n, 10n, 3),
    ]);
    expect(runs.map(({ start, from, until }) => [start, from.slice(0, 10), until.slice(0, 10)])).toEqual([
      [0n, '2026-09-01', '2026-09-04'],
      [20n, '2026-09-01', '2026-09-02'],
    ]);
  });
});

describe('the runs of a piece', () => {
  it('are its block where its small blocks were not asked for', () => {
    expect(runsFrom('7', null, piece({}))).toMatchObject([{ start: 3_072n, end: 4_096n, lines: 12 }]);
  });

  it('have lines that are not counted as the lines of their kind are spread', () => {
    const large = piece({
      level: 1,
      block: '0',
      small_blocks: ['1', '2', '5'],
      small_lines: [null, 8, null],
      small_kin_lines: [300, 0, 100],
    });
    expect(runsFrom('7', null, large)).toMatchObject([
      { start: 1_024n, lines: 3 },
      { start: 2_048n, lines: 8 },
      { start: 5_120n, lines: 1 },
    ]);
  });

  it('begin with the one that the page before ended in', () => {
    const small = { small_lines: [6, 6], small_kin_lines: [0, 0] };
    const large = piece({ level: 1, block: '0', small_blocks: ['1', '2'], ...small });
    const after = (day: string) => ({ day, position: '2500', line: 1 });
    expect(runsFrom('7', after('2026-09-01'), large)).toMatchObject([{ start: 2_048n }]);
    expect(runsFrom('7', after('2026-08-31'), large)).toMatchObject([{ start: 1_024n }, { start: 2_048n }]);
  });
});
