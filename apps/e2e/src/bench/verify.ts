import { result } from '../figures.js';
import { watchMachine } from './machine.js';
import { blockTimeS, startGround } from './verify/ground.js';
import { measure, rpcDelayMs } from './verify/measure.js';
import { planOf } from './verify/plan.js';
import { warmUpMs } from './verify/rounds.js';

/**
 * How fast payments are verified: our facilitator and the reference in turns, one process each, on one chain in one
 * run, with distinct payments signed beforehand. Ratios are ours over theirs; rates and CPU are medians of the turns.
 */
const plan = planOf(process.argv.slice(2), process.env);
const machine = watchMachine();

const ground = await startGround();
try {
  const figures = await measure(ground, plan);
  result({
    bench: 'verify',
    conditions: {
      chain: `anvil, blocks of ${blockTimeS} s`,
      ours: 'one facilitator process, with its thread for signers, its database and its audit; settlement and ledger not running',
      reference: '@x402/core and @x402/evm 2.27 on a bare HTTP server, one process',
      payments: 'distinct, of 256 payers, EIP-3009 by accounts without code, x402 v2',
      turns: `${plan.turns} of ${plan.turnMs / 1000} s each a round, in turns, after ${warmUpMs / 1000} s of warm-up; the other side stopped (SIGSTOP) meanwhile`,
      delayed: `64 connections, ${rpcDelayMs} ms more for each RPC request`,
      flood: '64 connections of one payer without money beside 16 of others',
      profiled: plan.profileFolder === undefined ? 'no' : 'yes',
      ...machine(),
    },
    figures,
  });
} finally {
  await ground.stop();
}
process.exit(0);
