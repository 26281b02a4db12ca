import { setTimeout as sleep } from 'node:timers/promises';

import { query } from '../../books.js';
import { quantile } from '../../figures.js';
import type { Stack } from '../../stack.js';
import { blockGasLimit, blockTimeS, type ChainObserver } from './chain-observer.js';
import { type CpuTimes, elapsed } from './cpu-time.js';
import { closedLoop, type Offer, openLoop } from './load.js';
import type { PaymentPress, PreparedPayment } from './prepared-payments.js';
import { type Settled, SettleClient } from './settle-client.js';
import type { Side } from './side.js';

/** What every round needs beside the side that it measures. */
export type Scene = {
  readonly stack: Stack;
  readonly observer: ChainObserver;
  readonly press: PaymentPress;
};

const warmUpPayments = 400;
/** What a process still compiles after its first payments would be measured with a crowd of some seconds. */
const crowdWarmUpPayments = 600;
const warmUpConcurrency = 64;
const warmUpPatienceMs = 60_000;
const singlePayments = 60;
const crowdPaymentsMax = 8_000;
const automineConcurrency = 16;
const automineMs = 10_000;
/** What is still open by then is not waited for. */
const automineGraceMs = 10_000;
const crowdTriesMax = 4;
export const stepS = 20;
const stepP95MaxMs = 3_000;
const fillConcurrency = 256;
const fillMs = 15_000;
const offeredRatePerS = 300;
const offeredS = 30;
const queuesAfterMs = 5_000;

export const conditions = {
  chain: `anvil; blocks of ${blockTimeS} s and ${blockGasLimit} gas, or automined`,
  single: `${singlePayments} payments a turn, one at a time`,
  automine: `${automineConcurrency} open requests for ${automineMs / 1000} s a turn`,
  blocks: `steps of ${stepS} s, held when every payment is used on chain with p95 below ${stepP95MaxMs} ms`,
  reference: '@x402/core and @x402/evm 2.27, viem nonceManager, polling 50 ms',
} as const;

/** Lets code get hot and connections open, the same for both sides; whoever stands still meanwhile is started again. */
export async function warmUp(scene: Scene, side: Side, payments = warmUpPayments): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    if ((await warmUpOnce(scene, side, payments)) || tries === crowdTriesMax) return;
    console.log(`  ${side.name} stands still and is started again`);
    await side.stop();
    await side.start();
  }
}

async function warmUpOnce({ press, observer }: Scene, side: Side, count: number): Promise<boolean> {
  const client = new SettleClient(side.url);
  const payments = await press.sign(count);
  const patience = setTimeout(() => client.close(), warmUpPatienceMs);
  const { settled } = await observer.freeingStranded(
    closedLoop({ client, payments, concurrency: warmUpConcurrency }),
  );
  clearTimeout(patience);
  client.close();
  return allSucceeded(settled);
}

/** One payment at a time: milliseconds of each. */
export async function single({ press, observer }: Scene, side: Side): Promise<number> {
  const client = new SettleClient(side.url);
  const payments = await press.sign(singlePayments);
  const { settled } = await observer.freeingStranded(closedLoop({ client, payments, concurrency: 1 }));
  client.close();
  const tookMs = quantile(latencies(settled), 0.5);
  console.log(`  ${side.name}, one at a time: median ${tookMs.toFixed(1)} ms${problemsOf(settled)}`);
  return tookMs;
}

/**
 * 16 open requests on a chain that mines at once: payments a second. The reference gives a nonce away when a send of it
 * fails, and then stands still: such a round says nothing of its speed, and is made again with a fresh process.
 */
export async function crowd(scene: Scene, side: Side): Promise<number> {
  await warmUp(scene, side, crowdWarmUpPayments);
  for (let tries = 1; ; tries += 1) {
    const { perS, stoodStill } = await crowdOnce(scene, side);
    if (!stoodStill || tries === crowdTriesMax) return perS;
    console.log(`  ${side.name} stands still and is started again`);
    await side.stop();
    await side.start();
    await warmUp(scene, side);
  }
}

async function crowdOnce(
  { press, observer }: Scene,
  side: Side,
): Promise<{ readonly perS: number; readonly stoodStill: boolean }> {
  const client = new SettleClient(side.url);
  const payments = await press.sign(crowdPaymentsMax);
  const head = await observer.blockNumber();
  const patience = setTimeout(() => client.close(), automineMs + automineGraceMs);
  const { settled, tookMs, ranOut } = await observer.freeingStranded(
    closedLoop({ client, payments, concurrency: automineConcurrency, durationMs: automineMs }),
  );
  clearTimeout(patience);
  client.close();
  const landed = (await landedOf(observer, payments, head)).length;
  const perS = (landed * 1000) / tookMs;
  console.log(
    `  ${side.name}, ${automineConcurrency} open, automined: ${perS.toFixed(1)}/s${problemsOf(settled)}${ranOut ? ' (payments ran out)' : ''}`,
  );
  return { perS, stoodStill: !allSucceeded(settled) };
}

export type Step = {
  readonly ratePerS: number;
  readonly held: boolean;
  readonly p95Ms: number;
  readonly unconfirmed: number;
  readonly gasPerPayment: number;
  readonly perTransaction: number;
  /** CPU seconds per payment by part. */
  readonly cpu: CpuTimes;
};

type StepOptions = {
  readonly ratePerS: number;
  readonly lastsS: number;
  /** When to end early, because it cannot be held any more. */
  readonly giveUp?: Offer['giveUp'];
  readonly afterwards?: () => Promise<void>;
};

/** Offers a rate on a chain with a block each second. */
export async function offer({ press, observer }: Scene, side: Side, options: StepOptions): Promise<Step> {
  const { ratePerS, lastsS, giveUp } = options;
  const client = new SettleClient(side.url);
  const payments = await press.sign(ratePerS * lastsS);
  const head = await observer.blockNumber();
  const before = side.cpu();
  const offered = openLoop({ client, payments, ratePerS, ...(giveUp === undefined ? {} : { giveUp }) });
  const after = options.afterwards === undefined ? undefined : sleep(lastsS * 1000).then(options.afterwards);
  const { settled, wasGivenUp, sendLagMs } = await offered;
  await after;
  const used = elapsed(before, side.cpu());
  client.close();
  const landed = await landedOf(observer, payments, head);
  const { gas, transactions } = await observer.gasOf(landed);
  const p95Ms = quantile(latencies(settled), 0.95);
  const unconfirmed = payments.length - landed.length;
  const held = !wasGivenUp && unconfirmed === 0 && p95Ms < stepP95MaxMs && allSucceeded(settled);
  const step: Step = {
    ratePerS,
    held,
    p95Ms,
    unconfirmed,
    gasPerPayment: Number(gas) / landed.length,
    perTransaction: landed.length / transactions,
    cpu: Object.fromEntries(Object.entries(used).map(([part, s]) => [part, s / landed.length])),
  };
  console.log(
    `  ${side.name}, ${ratePerS}/s: ${held ? 'held' : wasGivenUp ? 'given up' : 'NOT held'}, p50 ${quantile(latencies(settled), 0.5).toFixed(0)} ms, p95 ${p95Ms.toFixed(0)} ms, ` +
      `${unconfirmed} unconfirmed, ${step.gasPerPayment.toFixed(0)} gas, ${step.perTransaction.toFixed(1)} a transaction, ` +
      `sent up to ${sendLagMs.toFixed(0)} ms late, CPU ms a payment: ${cpuText(step.cpu)}${problemsOf(settled)}`,
  );
  return step;
}

/** One step of the climb: ends early once its p95 cannot be held any more. */
export async function climbStep(scene: Scene, side: Side, ratePerS: number): Promise<Step> {
  return offer(scene, side, { ratePerS, lastsS: stepS, giveUp: { lateMs: stepP95MaxMs, share: 0.05 } });
}

/** 256 open requests, a block each second: what share of them is in each block. */
export async function fill(
  { press, observer }: Scene,
  side: Side,
): Promise<{ readonly average: number; readonly least: number }> {
  const client = new SettleClient(side.url);
  const payments = await press.sign(crowdPaymentsMax);
  const head = await observer.blockNumber();
  const running = closedLoop({ client, payments, concurrency: fillConcurrency, durationMs: fillMs });
  await sleep(fillMs);
  const end = await observer.blockNumber();
  const { settled, ranOut } = await running;
  client.close();
  const landed = await landedOf(observer, payments, head);
  // The first block met the crowd on its way in; those after the end were met by a shrinking one.
  const blocks = Array.from({ length: Number(end - head) - 1 }, (_, index) => head + 2n + BigInt(index));
  const shares = blocks.map(
    (number) => landed.filter(({ block }) => block === number).length / fillConcurrency,
  );
  const average = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  console.log(
    `  ${side.name}, ${fillConcurrency} open, blocks of 1 s: ${shares.map((share) => share.toFixed(2)).join(' ')} of them a block${problemsOf(settled)}${ranOut ? ' (payments ran out)' : ''}`,
  );
  return { average, least: Math.min(...shares) };
}

/** 300 payments a second for 30 s, and what is left in the queues 5 s after the last was sent. */
export async function offered300(scene: Scene, side: Side): Promise<Step & { readonly leftAfter5s: number }> {
  let left = Number.NaN;
  const step = await offer(scene, side, {
    ratePerS: offeredRatePerS,
    lastsS: offeredS,
    afterwards: async () => {
      await sleep(queuesAfterMs);
      left = await leftInQueues(scene.stack);
    },
  });
  return { ...step, leftAfter5s: left };
}

/** Resolves when our services have nothing left to do, or it takes too long. */
export async function queuesEmpty(stack: Stack): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline && (await leftInQueues(stack, false)) > 0) await sleep(500);
}

async function leftInQueues(stack: Stack, isTold = true): Promise<number> {
  const [left] = await query<Record<string, string>>(
    stack,
    `SELECT (SELECT count(*) FROM facilitator.payment WHERE state IN ('accepted', 'submitted')) AS undecided,
            (SELECT count(*) FROM settlement.payment WHERE state IN ('queued', 'submitted')) AS unsettled,
            (SELECT count(*) FROM facilitator.outbox WHERE published_at IS NULL) AS facilitator_outbox,
            (SELECT count(*) FROM settlement.outbox WHERE published_at IS NULL) AS settlement_outbox,
            (SELECT count(*) FROM settlement.payment p WHERE state = 'confirmed' AND NOT EXISTS (
               SELECT FROM ledger.transaction t JOIN ledger.entry e ON e.transaction_id = t.id
                WHERE t.payment_id = p.payment_id AND e.layer = 'settled')) AS unbooked`,
  );
  if (isTold) console.log(`  left in the queues: ${JSON.stringify(left)}`);
  return Object.values(left ?? {}).reduce((sum, count) => sum + Number(count), 0);
}

export async function landedOf(observer: ChainObserver, payments: readonly PreparedPayment[], head: bigint) {
  await observer.drained();
  const landings = await observer.landings(head);
  return payments.flatMap(({ nonce }) => landings.get(nonce) ?? []);
}

function latencies(settled: readonly Settled[]): number[] {
  return settled.map(({ latencyMs }) => latencyMs);
}

function allSucceeded(settled: readonly Settled[]): boolean {
  return settled.every(({ problem }) => problem === undefined);
}

function problemsOf(settled: readonly Settled[]): string {
  const counts = new Map<string, number>();
  for (const { problem } of settled)
    if (problem !== undefined) counts.set(problem, (counts.get(problem) ?? 0) + 1);
  return counts.size === 0 ? '' : `; without success: ${JSON.stringify(Object.fromEntries(counts))}`;
}

export function cpuText(cpu: CpuTimes): string {
  return Object.entries(cpu)
    .map(([part, s]) => `${part} ${(s * 1000).toFixed(2)}`)
    .join(', ');
}
