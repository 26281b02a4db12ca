import { describe, expect, it } from '@jest/globals';

import { Admission } from './admission.js';

describe('admission', () => {
  it('takes as many as it may, refuses the next with a 503, and takes again when one is done', async () => {
    const admission = new Admission(2);
    const ends: Array<() => void> = [];
    const busy = [0, 1].map(() => admission.run(() => new Promise<void>((resolve) => ends.push(resolve))));
    await expect(admission.run(async () => 'in')).rejects.toMatchObject({
      problem: { status: 503, code: 'overloaded' },
    });
    ends[0]?.();
    await busy[0];
    await expect(admission.run(async () => 'in')).resolves.toBe('in');
    ends[1]?.();
    await busy[1];
  });

  it('counts work that failed as done', async () => {
    const admission = new Admission(1);
    await expect(admission.run(() => Promise.reject(new TypeError('x')))).rejects.toThrow('x');
    await expect(admission.run(async () => 'in')).resolves.toBe('in');
  });
});
