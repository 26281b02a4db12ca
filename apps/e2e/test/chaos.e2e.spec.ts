import { expect, it } from '@jest/globals';

import { runChaos } from '../src/chaos/chaos.js';
import { crashPoints } from '../src/chaos/crash-points.js';
import { rpcFaultNames } from '../src/chaos/plan.js';

const seed = Number(process.env['E2E_SEED'] ?? 20_261_121);
const killsLeast = 25;
const killsPerRound = 9;
/** One round of everything takes about half of it; the rest is for slow machines. */
const deadlineMs = 420_000;

it('loses nothing, charges nothing twice and forgets no hash, whatever goes wrong', async () => {
  const lines: string[] = [];
  const report = await runChaos({
    seed,
    rounds: 1,
    killsPerRound,
    deadlineMs,
    log: (line) => lines.push(line),
  });
  const { problems, lost, chargedTwice, stuck, hashesMissing } = report;
  process.stderr.write(`chaos: ${JSON.stringify(report)}\n`);
  expect({
    problems,
    lost,
    chargedTwice,
    stuck,
    hashesMissing,
    lines: problems.length > 0 ? lines : [],
  }).toEqual({
    problems: [],
    lost: 0,
    chargedTwice: 0,
    stuck: 0,
    hashesMissing: 0,
    lines: [],
  });
  expect(report.kills).toBeGreaterThanOrEqual(killsLeast);
  expect(report.crashPointsHit).toEqual(crashPoints());
  expect(report.mishaps).toMatchObject({ rpc: rpcFaultNames.length, reorg: 8, pause: 1, drop: 1 });
  expect(report.confirmed).toBeGreaterThan(0);
}, 600_000);
