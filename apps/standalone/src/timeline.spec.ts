import { describe, expect, it } from '@jest/globals';

import { Timeline } from './timeline.js';

describe('Timeline', () => {
  it('tells each moment since the start and since the one before, and leaves out what did not come', () => {
    const times = [100, 110, 150, 151];
    const timeline = new Timeline(() => times.shift() ?? 0);
    timeline.mark('asked');
    timeline.mark('402');
    timeline.mark('settled');
    timeline.mark('served');
    expect(timeline.rows()).toEqual([
      { moment: 'asked', atMs: 0, tookMs: 0 },
      { moment: '402', atMs: 10, tookMs: 10 },
      { moment: 'settled', atMs: 50, tookMs: 40 },
      { moment: 'served', atMs: 51, tookMs: 1 },
    ]);
  });

  it('keeps the first time of a moment that comes twice, as a retried settlement does', () => {
    const times = [0, 5, 9];
    const timeline = new Timeline(() => times.shift() ?? 0);
    timeline.mark('asked');
    timeline.mark('settled');
    timeline.mark('settled');
    expect(timeline.rows()[1]).toEqual({ moment: 'settled', atMs: 5, tookMs: 5 });
  });
});
