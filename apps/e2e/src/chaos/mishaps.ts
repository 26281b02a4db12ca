import { setTimeout as sleep } from 'node:timers/promises';

import { parseEvent, type QuittanceEvent } from '@quittance/events';
import type { RpcFault } from '@quittance/testing';
import { encodeFunctionData, parseAbi, parseSignature, toHex } from 'viem';

import { query } from '../books.js';
import type { SignedPayment } from '../payer.js';
import type { Service } from '../service.js';
import { blockTimeS, type Ground } from './ground.js';
import type { Load } from './load.js';
import type { Mishap, RpcFaultName, ServiceKind } from './plan.js';

/** What was done, for the figures. */
export type Tally = {
  kills: number;
  readonly crashPointsHit: Set<string>;
  readonly crashPointsMissed: Set<string>;
  readonly done: Map<Mishap['kind'], number>;
};

export const newTally = (): Tally => ({
  kills: 0,
  crashPointsHit: new Set(),
  crashPointsMissed: new Set(),
  done: new Map(),
});

const crashMaxMs = 30_000;
const pollMs = 50;
const eventsAgainMax = 400;
const stallMs = 7_000;
const provokeAfterMs = 1_500;
const dearMs = 6_000;
const reorgAgainMs = 6_000;
/** Sellers go on meanwhile: more than one batch is signed. */
const gatherMs = 1_500;
const provokeEveryMs = 500;
const defaultOfferWei = 2n * 10n ** 9n;
/** Below the cap of the network, so that it can be paid. */
const baseFeeMaxWei = 200n * 10n ** 9n;

const faultsByName: Readonly<Record<RpcFaultName, RpcFault>> = {
  stall: { fault: 'stall', delayMs: stallMs, probability: 0.5 },
  'drop-connection': { fault: 'drop', node: 'forwarded', probability: 0.5 },
  'http-500': { fault: 'http', status: 500, probability: 0.6 },
  'rpc-error': { fault: 'rpcError', code: -32_005, message: 'limit exceeded', probability: 0.6 },
  'stale-nonce': { fault: 'stale', by: 3 },
  'missing-receipt': { fault: 'missingReceipt' },
  'missing-logs': { fault: 'missingLogs' },
  lagging: { fault: 'lagging', blocks: 3 },
  swallow: { fault: 'swallow' },
};

/** Lets one thing go wrong, and what was broken by it start again. What it broke inside, nobody mends. */
export async function commit(
  mishap: Mishap,
  ground: Ground,
  { load, tally }: { load: Load; tally: Tally },
): Promise<void> {
  tally.done.set(mishap.kind, (tally.done.get(mishap.kind) ?? 0) + 1);
  switch (mishap.kind) {
    case 'kill': {
      const victims = replicas(ground, mishap.service);
      return killed(victims[mishap.index % victims.length], tally);
    }
    case 'crash':
      return crashed(mishap.point, ground, tally);
    case 'pause':
      return paused(ground.stack.settlements[mishap.index], mishap.ms);
    case 'rpc':
      return lied(ground, faultsByName[mishap.fault], mishap.ms);
    case 'drop':
      await ground.rpc('anvil_dropAllTransactions');
      return undefined;
    case 'base-fee':
      return dearer(ground, mishap);
    case 'reorg':
      return reorganized(ground, mishap.depth);
    case 'events-again':
      return publishAgain(ground);
    case 'landed-by-others':
      return landed(ground, (await accepted(ground, load.open)).slice(-mishap.payments));
  }
}

function replicas({ stack }: Ground, service: ServiceKind): readonly Service[] {
  switch (service) {
    case 'facilitator':
      return stack.facilitators;
    case 'settlement':
      return stack.settlements;
    case 'ledger':
      return [stack.ledger];
  }
}

async function killed(victim: Service | undefined, tally: Tally): Promise<void> {
  if (victim === undefined) return;
  await victim.kill();
  tally.kills += 1;
  victim.launch();
  await victim.ready();
}

/** Every replica is started with the point armed; whichever reaches it dies of it, and is started again plainly. */
async function crashed(point: string, ground: Ground, tally: Tally): Promise<void> {
  const service = point.slice(0, point.indexOf('.')) as ServiceKind;
  const victims = replicas(ground, service);
  const crashes = () => victims.reduce((sum, victim) => sum + victim.crashes, 0);
  // What is on its way when they start is sent again together, if it is more than one.
  if (point.includes('half')) await withoutBlocks(ground, gatherMs);
  // Asked to stop, they give their leases up: armed again, they need not wait for them.
  await Promise.all(victims.map(async (victim) => victim.stop()));
  const before = crashes();
  for (const victim of victims) victim.launch({ CRASH_AT: point });
  const end = Date.now() + crashMaxMs;
  const isOver = (): boolean => crashes() !== before || Date.now() >= end;
  const provoked = provoke(point, ground, isOver);
  while (!isOver()) await sleep(pollMs);
  const hits = crashes() - before;
  tally.kills += hits;
  (hits > 0 ? tally.crashPointsHit : tally.crashPointsMissed).add(point);
  if (hits > 0) tally.crashPointsMissed.delete(point);
  await provoked;
  await Promise.all(victims.map(async (victim) => victim.ready()));
}

/** Some steps are taken only after something has gone wrong. */
async function provoke(point: string, ground: Ground, isOver: () => boolean): Promise<void> {
  await sleep(provokeAfterMs);
  // Whoever is not up yet has read none of the blocks that go: what one was too early for, the next will show.
  while (point.includes('reorg') && !isOver()) {
    await reorganized(ground, 3);
    for (const until = Date.now() + reorgAgainMs; !isOver() && Date.now() < until;) await sleep(pollMs);
  }
  if (point.includes('replace')) await dearer(ground, { factor: 3, ms: dearMs });
  if (point.includes('half')) {
    await sleep(dearMs);
    await withBlocks(ground);
  }
}

async function paused(replica: Service | undefined, ms: number): Promise<void> {
  replica?.pause();
  await sleep(ms);
  replica?.resume();
}

async function lied({ proxies, random }: Ground, fault: RpcFault, ms: number): Promise<void> {
  const spared = random.below(proxies.length + 1);
  proxies.forEach((proxy, index) => {
    if (index !== spared) proxy.setFaults([fault]);
  });
  await sleep(ms);
  for (const proxy of proxies) proxy.clear();
}

/** The base fee stays above what every transaction offers that is under way, as far as the cap of the network lets it. */
async function dearer(
  ground: Ground,
  { factor, ms }: { readonly factor: number; readonly ms: number },
): Promise<void> {
  for (const until = Date.now() + ms; Date.now() < until; await sleep(provokeEveryMs)) {
    const [offered] = await query<{ most: string | null }>(
      ground.stack,
      `SELECT max(t.max_fee_per_gas)::text AS most
         FROM settlement.transaction t JOIN settlement.batch b USING (batch_id) WHERE b.state = 'outstanding'`,
    );
    const base = BigInt(offered?.most ?? defaultOfferWei) * BigInt(factor);
    await ground.rpc('anvil_setNextBlockBaseFeePerGas', toHex(base < baseFeeMaxWei ? base : baseFeeMaxWei));
  }
}

/** Transactions pile up in the pool. */
/** For a while, and on until `withBlocks`. */
async function withoutBlocks({ rpc }: Ground, ms: number): Promise<void> {
  await rpc('evm_setIntervalMining', 0);
  await sleep(ms);
}

async function withBlocks({ rpc }: Ground): Promise<void> {
  await rpc('evm_setIntervalMining', blockTimeS);
}

/** The newest blocks are replaced by empty ones; their transactions are in no block and in no pool. */
async function reorganized(ground: Ground, depth: number): Promise<void> {
  const head = Number(await ground.rpc('eth_blockNumber'));
  await ground.rpc('anvil_reorg', Math.min(depth, head - 1), []);
}

async function publishAgain({ stack, transport, random }: Ground): Promise<void> {
  const rows = await query<{ value: string }>(
    stack,
    'SELECT value FROM events.log ORDER BY appended_at DESC LIMIT $1',
    [eventsAgainMax],
  );
  const events = rows
    .map(({ value }) => parseEvent(JSON.parse(value)))
    .flatMap((parsed): QuittanceEvent[] => (parsed.ok ? [parsed.event] : []));
  events.sort(() => random.below(3) - 1);
  await transport.publish(events);
}

const token = parseAbi([
  'function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s)',
]);

/** Anybody who has seen an authorization may land it, and pays the gas for it. */
/**
 * Those that the registry has. One that was landed before anybody accepted it looks like one that was used to pay elsewhere: it is
 * refused, and rightly so.
 */
async function accepted({ stack }: Ground, payments: readonly SignedPayment[]): Promise<SignedPayment[]> {
  const rows = await query<{ nonce: string }>(
    stack,
    'SELECT nonce FROM facilitator.payment WHERE nonce = ANY ($1::text[])',
    [payments.map(({ nonce }) => nonce)],
  );
  const known = new Set(rows.map(({ nonce }) => nonce));
  return payments.filter(({ nonce }) => known.has(nonce));
}

async function landed(ground: Ground, payments: readonly SignedPayment[]): Promise<void> {
  const stranger = ground.chain.accounts[5]?.address;
  for (const { body } of payments) {
    const { signature, authorization } = body.paymentPayload.payload;
    const { r, s, v } = parseSignature(signature);
    const data = encodeFunctionData({
      abi: token,
      functionName: 'transferWithAuthorization',
      args: [
        authorization['from'] as `0x${string}`,
        authorization['to'] as `0x${string}`,
        BigInt(authorization['value'] ?? 0),
        BigInt(authorization['validAfter'] ?? 0),
        BigInt(authorization['validBefore'] ?? 0),
        authorization['nonce'] as `0x${string}`,
        Number(v),
        r,
        s,
      ],
    });
    await ground.rpc('eth_sendTransaction', {
      from: stranger,
      to: body.paymentRequirements['asset'],
      data,
      gas: toHex(200_000),
      maxFeePerGas: toHex(10n ** 12n),
      maxPriorityFeePerGas: toHex(10n ** 11n),
    });
  }
}
