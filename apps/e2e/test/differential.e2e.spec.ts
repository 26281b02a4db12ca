import { readFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { compare } from '../src/differential/compare.js';
import { differences } from '../src/differential/differences.js';
import { generated, kindCount } from '../src/differential/generate.js';
import { type Ground, startGround } from '../src/differential/ground.js';
import { acts } from '../src/differential/kinds/index.js';
import { problemsOf } from '../src/differential/report.js';

/** A small part of `npm run differential`, with payments of its own: of every kind of payment, some of what it can have. */
const seed = 20_261_126;
const oneIn = 4;
const some = acts.map(({ scene, kinds }) => ({
  scene,
  kinds: kinds.filter((_, index) => index % oneIn === 0),
}));
const page = readFileSync(new URL('../../../docs/differences.md', import.meta.url), 'utf8');

let ground: Ground;

beforeAll(async () => {
  ground = await startGround();
});

afterAll(async () => {
  await ground?.stop();
});

describe('the same payments on the same chain', () => {
  it('are judged by us as by the reference, but for what is listed with its reason', async () => {
    const payments = generated(ground.cast, { seed, count: kindCount(some), acts: some });
    const comparison = await compare(payments, ground.judges);
    expect(problemsOf(comparison)).toEqual([]);
    expect(comparison.agreed.get('valid')).toBeGreaterThan(50);
    expect(comparison.agreed.size).toBeGreaterThan(20);
  });
});

describe('docs/differences.md', () => {
  it.each(differences.map(({ title }) => [title]))('has the reason for: %s', (title) => {
    expect(page).toContain(`\n## ${title}\n`);
  });
});
