import { setTimeout as sleep } from 'node:timers/promises';

import {
  accountSums,
  nativeBalance,
  query,
  tokenBalance,
  trialBalance,
  usedAuthorizations,
} from '../books.js';
import { defaultAmount } from '../payer.js';
import type { Ground } from './ground.js';
import type { Load } from './load.js';
import { merchantInChaos } from './merchant.js';

/** What chain, registry, ledger and callers say in the end. Everything that is not as it must be is a problem. */
export type Verdict = {
  readonly onChain: number;
  readonly confirmed: number;
  readonly inLedger: number;
  readonly lost: number;
  readonly chargedTwice: number;
  readonly hashesMissing: number;
  readonly problems: readonly string[];
};

const healMaxMs = 120_000;
const pollMs = 100;
const usdc = '0x036cbd53842c5426634e7929541ec2318f3dcf7e';

type Count = { readonly n: number };

/** Waits until nothing is under way any more, and gives what still was when the time was up. */
export async function healed({
  stack,
}: Ground): Promise<{ readonly healMs: number; readonly stuck: number }> {
  const from = performance.now();
  let stuck = Infinity;
  while (stuck > 0 && performance.now() - from < healMaxMs) {
    const [row] = await query<Count>(stack, undecided);
    stuck = row?.n ?? Infinity;
    if (stuck > 0) await sleep(pollMs);
  }
  return { healMs: Math.round(performance.now() - from), stuck };
}

/** Payments undecided, batches outstanding, and what registry and ledger have not heard of yet. */
const undecided = `
  SELECT ((SELECT count(*) FROM facilitator.payment WHERE state IN ('accepted', 'submitted'))
        + (SELECT count(*) FROM settlement.payment WHERE state IN ('queued', 'submitted'))
        + (SELECT count(*) FROM settlement.batch WHERE state = 'outstanding')
        + (SELECT count(*) FROM facilitator.payment p WHERE p.state = 'confirmed' AND NOT EXISTS (
             SELECT FROM ledger.payment l WHERE l.id = p.id AND l.facts::text LIKE '%"confirmed"%'))
        + (SELECT coalesce(sum(h.next_offset - coalesce(o.next_offset, 0)), 0)
             FROM events.partition_head h LEFT JOIN events.consumer_offset o
               ON o.consumer_group = 'ledger' AND o.topic = h.topic AND o.partition = h.partition
            WHERE h.topic <> 'quittance.dead-letters.v1'))::int AS n`;

export async function judge(ground: Ground, load: Load, gasMoneyBefore: bigint): Promise<Verdict> {
  const { stack, chain } = ground;
  const problems = [...load.faults];
  const used = await usedAuthorizations(chain);
  const onChain = new Set(used.map(({ nonce }) => nonce));
  const successes = load.endings.filter(({ success }) => success);
  const refusals = load.endings.filter(({ success }) => !success);

  const confirmedRows = await query<{ nonce: string; transaction_hash: string }>(
    stack,
    `SELECT nonce, transaction_hash FROM facilitator.payment WHERE state = 'confirmed'`,
  );
  const confirmed = new Map(confirmedRows.map((row) => [row.nonce, row.transaction_hash]));
  const hashes = new Map(used.map(({ nonce, transaction }) => [nonce, transaction]));
  const settled = await accountSums(stack, 'settled');
  const inLedger = Number(
    (settled.get(`F:merchant:eip155:84532:${merchantInChaos.toLowerCase()} eip155:84532/erc20:${usdc}`) ??
      0n) / defaultAmount,
  );

  const lost = successes.filter(({ payment }) => !onChain.has(payment.nonce)).length;
  const hashesMissing =
    load.endings.reduce((sum, { pendingWithoutHash }) => sum + pendingWithoutHash, 0) +
    successes.filter(({ transaction }) => transaction === '').length;

  const expectEqual = (what: string, a: unknown, b: unknown): void => {
    if (a !== b) problems.push(`${what}: ${String(a)} and ${String(b)}`);
  };
  expectEqual('authorizations used on chain, and payments confirmed', onChain.size, confirmed.size);
  expectEqual('payments confirmed, and settled in the ledger', confirmed.size, inLedger);
  for (const [nonce, hash] of confirmed)
    expectEqual(
      `transaction of the authorization ${nonce} on chain, and in the registry`,
      hashes.get(nonce),
      hash,
    );
  for (const { payment, reason } of refusals)
    if (onChain.has(payment.nonce))
      problems.push(
        `${payment.id} was refused as ${reason} and charged: ${await registered(stack, payment.nonce)}`,
      );
  const arrived = await tokenBalance(chain, usdc, merchantInChaos);
  expectEqual('the merchant’s tokens', arrived, BigInt(onChain.size) * defaultAmount);
  await judgeBooks(ground, { settled, gasMoneyBefore, expectEqual });
  return {
    onChain: onChain.size,
    confirmed: confirmed.size,
    inLedger,
    lost,
    chargedTwice: used.length - onChain.size,
    hashesMissing,
    problems,
  };
}

/** What the registry says of a payment, for whoever has to find out why. */
async function registered(stack: Ground['stack'], nonce: string): Promise<string> {
  const [row] = await query<{ state: string; reason: string | null; detail: string | null }>(
    stack,
    'SELECT state, reason, detail FROM facilitator.payment WHERE nonce = $1',
    [nonce],
  );
  return row === undefined ? 'not in the registry' : `${row.state}, ${row.reason}: ${row.detail}`;
}

type BooksCheck = {
  readonly settled: ReadonlyMap<string, bigint>;
  readonly gasMoneyBefore: bigint;
  readonly expectEqual: (what: string, a: unknown, b: unknown) => void;
};

async function judgeBooks(
  ground: Ground,
  { settled, gasMoneyBefore, expectEqual }: BooksCheck,
): Promise<void> {
  const { stack } = ground;
  let booked = 0n;
  for (const relayer of stack.relayers)
    booked +=
      settled.get(`G:wallet:relayer:eip155:84532:${relayer.toLowerCase()} eip155:84532/slip44:60`) ?? 0n;
  expectEqual('gas paid on chain, and in the ledger', gasMoneyBefore - (await gasMoney(ground)), -booked);
  for (const layer of ['encumbered', 'inflight'])
    for (const [account, sum] of await accountSums(stack, layer)) expectEqual(`${layer} ${account}`, sum, 0n);
  const { balanced, balancesMatchEntries } = await trialBalance(stack);
  expectEqual('the trial balance is zero', balanced, true);
  expectEqual('balances equal their lines', balancesMatchEntries, true);
}

export async function gasMoney({ stack, chain }: Pick<Ground, 'stack' | 'chain'>): Promise<bigint> {
  const balances = await Promise.all(stack.relayers.map(async (relayer) => nativeBalance(chain, relayer)));
  return balances.reduce((sum, balance) => sum + balance, 0n);
}
