import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import {
  encodeBatch,
  EvmChain,
  type EvmNetwork,
  multicall3Address,
  networksSchema,
  Relayer,
} from '@quittance/chain';
import { Database } from '@quittance/database';
import type { QuittanceEvent } from '@quittance/events';
import { encodeTransferWithAuthorization } from '@quittance/exact-evm';
import { atomicAmount } from '@quittance/money';
import { type Anvil, startAnvil, startTestDatabase, type TestDatabase } from '@quittance/testing';
import { createTestClient, http, parseAbi, publicActions, walletActions } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

import type { SettlementChain } from '../src/chain/settlement-chain.js';
import { Follower } from '../src/follower/follow.loop.js';
import { FollowerRepository } from '../src/follower/follower.repository.js';
import { ReorgRepository } from '../src/follower/reorg.repository.js';
import type { Log } from '../src/loop/wakeable.loop.js';
import { PaymentRepository } from '../src/payment/payment.repository.js';
import { type Accepted, acceptedBy, usdc } from './accepted-payment.js';

type Hex = `0x${string}`;
export type Signed = { readonly batchId: string; readonly raw: Hex; readonly hash: Hex };

const tokenAbi = parseAbi([
  'function mint(address to, uint256 value)',
  'function transfer(address to, uint256 value) returns (bool)',
  'function balanceOf(address account) view returns (uint256)',
]);
const payersHave = 1_000_000_000n;

/**
 * A chain that mines when told to, a database, and a follower between them, with nobody who submits: tests sign batches
 * themselves, as the service's own role under a lease. Account 0 is the relayer, 1 to 4 pay, 5 is a stranger.
 */
export class FollowedChain {
  readonly logged: { readonly level: string; readonly message: string }[] = [];
  readonly running: Follower[] = [];
  private nextNonce = 0n;

  private constructor(
    readonly server: TestDatabase,
    readonly anvil: Anvil,
    readonly network: EvmNetwork,
    readonly database: Database,
    readonly owner: Database,
  ) {}

  static async start(
    over: Partial<Pick<EvmNetwork, 'confirmations' | 'finality'>> = {},
  ): Promise<FollowedChain> {
    const [server, anvil] = await Promise.all([startTestDatabase(), startAnvil()]);
    const [network] = networksSchema.parse(
      JSON.stringify([
        {
          chainId: `eip155:${anvil.chainId}`,
          rpcUrls: [anvil.rpcUrl],
          assets: [{ address: usdc, symbol: 'USDC', decimals: 6, name: 'USDC', version: '2' }],
          relayers: [anvil.accounts[0]?.address],
          pollIntervalMs: 50,
          finality: 10_000,
          ...over,
        },
      ]),
    );
    if (network === undefined) throw new TypeError('no network');
    const connect = (url: string) => Database.connect({ url, applicationName: 'follower_test' });
    const chain = new FollowedChain(
      server,
      anvil,
      network,
      connect(server.serviceUrls.settlement),
      connect(server.adminUrl),
    );
    for (const payer of [1, 2, 3, 4]) await chain.mint(payer);
    await chain.client.setAutomine(false);
    await chain.lease();
    return chain;
  }

  async stop(): Promise<void> {
    await this.halt();
    await Promise.all([this.database.close(), this.owner.close()]);
    await Promise.all([this.anvil.stop(), this.server.stop()]);
  }

  account(index: number) {
    const account = this.anvil.accounts[index];
    if (account === undefined) throw new RangeError(`no account ${index}`);
    return privateKeyToAccount(account.privateKey);
  }

  private get client() {
    return createTestClient({ mode: 'anvil', transport: http(this.anvil.rpcUrl), pollingInterval: 20 })
      .extend(publicActions)
      .extend(walletActions);
  }

  get relayer(): Relayer {
    return Relayer.fromKey(this.anvil.accounts[0]?.privateKey ?? '0x');
  }

  /** Follows the chain as one process does. */
  follow(
    wrap: (chain: SettlementChain) => SettlementChain = (chain) => chain,
    over: Partial<EvmNetwork> = {},
  ): Follower {
    const write = (level: string) => (_: object, message: string) =>
      void this.logged.push({ level, message });
    const log: Log = { info: write('info'), warn: write('warn'), error: write('error') };
    const follower = new Follower({
      chain: wrap(EvmChain.connect({ ...this.network, ...over }, { requestTimeoutMs: 2_000 })),
      follower: new FollowerRepository(this.database),
      reorgs: new ReorgRepository(this.database),
      log,
      onHead: () => undefined,
      onOutcomes: () => undefined,
    });
    this.running.push(follower);
    follower.start();
    return follower;
  }

  async halt(): Promise<void> {
    await Promise.all(this.running.splice(0).map((follower) => follower.close()));
  }

  async mine(blocks = 1): Promise<void> {
    await this.client.mine({ blocks });
  }

  async head(): Promise<number> {
    return Number(await this.client.getBlockNumber({ cacheTime: 0 }));
  }

  /** Replaces the last blocks by as many empty ones; their transactions are lost. */
  async reorg(depth: number): Promise<void> {
    await this.client.request<{ Method: 'anvil_reorg'; Parameters: unknown[]; ReturnType: null }>({
      method: 'anvil_reorg',
      params: [depth, []],
    });
  }

  /** Takes the last blocks away; their transactions are lost. */
  async rollback(depth: number): Promise<void> {
    await this.client.request<{ Method: 'anvil_rollback'; Parameters: unknown[]; ReturnType: null }>({
      method: 'anvil_rollback',
      params: [depth],
    });
  }

  /** Payments as the facilitator accepts them, taken in. */
  async accept(count: number, payer = 1): Promise<Accepted[]> {
    const events = await Promise.all(
      Array.from({ length: count }, () =>
        acceptedBy(this.account(payer), this.network, this.account(6).address),
      ),
    );
    await new PaymentRepository(this.database).take(events);
    return events;
  }

  /** Signs queued payments into one batch, as a submitter does; none make one that only closes a gap. */
  async sign(
    payments: readonly Accepted[],
    gas = 100_000n + 120_000n * BigInt(payments.length),
  ): Promise<Signed> {
    const nonce = this.nextNonce;
    this.nextNonce += 1n;
    const { raw, hash } = this.relayer.sign({ ...this.call(payments), nonce, gas });
    const batchId = await this.store(payments, { nonce, gas, raw, hash });
    return { batchId, raw, hash };
  }

  private call(payments: readonly Accepted[]) {
    const calls = payments.map(({ data }) => {
      const { from, to, value, nonce, validAfter, validBefore } = data.authorization;
      const transfer = {
        payer: from,
        payTo: to,
        value: atomicAmount(BigInt(value)),
        validAfter: BigInt(validAfter),
        validBefore: BigInt(validBefore),
        nonce,
        signature: data.signature,
      };
      return { to: usdc, data: encodeTransferWithAuthorization(transfer) };
    });
    const [first] = calls;
    const fees = { maxFeePerGas: 10_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n };
    const envelope = { type: 'eip1559', chainNumber: this.anvil.chainId, fees, value: 0n } as const;
    if (first === undefined) return { ...envelope, to: this.relayer.address, data: '0x' } as const;
    if (calls.length === 1) return { ...envelope, ...first };
    return { ...envelope, to: multicall3Address, data: encodeBatch(calls) };
  }

  private async store(
    payments: readonly Accepted[],
    { nonce, gas, raw, hash }: { nonce: bigint; gas: bigint; raw: Hex; hash: Hex },
  ): Promise<string> {
    const { chainId } = this.network;
    const ids = payments.map(({ data }) => data.paymentId);
    const asset = payments.length === 0 ? null : usdc;
    return this.database.transaction(async ({ sql }) => {
      await sql(
        `UPDATE settlement.relayer SET next_nonce = greatest(next_nonce, $1::bigint) WHERE chain_id = $2`,
        [nonce + 1n, chainId],
      );
      const [batch] = await sql<{ id: string }>(
        `INSERT INTO settlement.batch (chain_id, relayer, nonce, lease_token, asset, size, gas_limit, signed_at)
         VALUES ($1, $2, $3::bigint, 1, $4, $5::int, $6::numeric, 0) RETURNING batch_id::text AS id`,
        [chainId, this.relayer.address, nonce, asset, ids.length, gas],
      );
      const id = batch?.id ?? '';
      await sql(
        `INSERT INTO settlement.transaction (hash, batch_id, version, raw, max_fee_per_gas, max_priority_fee_per_gas)
         VALUES ($1, $2::bigint, 1, $3, 10000000000, 1000000000)`,
        [hash, id, raw],
      );
      await sql(
        `UPDATE settlement.payment SET state = 'submitted', attempts = attempts + 1 WHERE payment_id = ANY ($1::uuid[])`,
        [ids],
      );
      await sql(
        `INSERT INTO settlement.attempt (payment_id, n, batch_id, position)
         SELECT p.payment_id, p.attempts, $2::bigint, w.position - 1
         FROM unnest($1::uuid[]) WITH ORDINALITY AS w (payment_id, position) JOIN settlement.payment p USING (payment_id)`,
        [ids, id],
      );
      return id;
    });
  }

  async send({ raw }: Pick<Signed, 'raw'>): Promise<void> {
    await this.client.sendRawTransaction({ serializedTransaction: raw });
  }

  /** Signs, sends and mines. */
  async settle(payments: readonly Accepted[]): Promise<Signed> {
    const signed = await this.sign(payments);
    await this.send(signed);
    await this.mine();
    return signed;
  }

  /** Sends again what is outstanding, as a broadcaster does. */
  async resend(): Promise<void> {
    const rows = await this.owner.sql<{ raw: Hex }>(
      `SELECT t.raw FROM settlement.transaction t JOIN settlement.batch b USING (batch_id)
       WHERE b.state = 'outstanding' ORDER BY b.nonce`,
    );
    for (const row of rows) await this.send(row).catch((error: unknown) => ignoreKnown(error));
  }

  /** Somebody else puts a payment into the next block. */
  async land({ data }: Accepted): Promise<void> {
    const [call] = [this.call([{ data } as Accepted])];
    await this.client.sendTransaction({
      account: this.account(5),
      to: call.to,
      data: call.data,
      gas: 300_000n,
      chain: null,
    });
  }

  /** The operator uses the relayer's key elsewhere, in the next block. */
  async spendRelayerNonce(): Promise<void> {
    await this.client.sendTransaction({
      account: this.account(0),
      to: this.account(7).address,
      value: 1n,
      chain: null,
    });
  }

  /** The payer moves all of its money away, in the next block and before everything else there. */
  async drain(payer: number): Promise<void> {
    const value = await this.client.readContract({
      address: usdc,
      abi: tokenAbi,
      functionName: 'balanceOf',
      args: [this.account(payer).address],
    });
    await this.client.writeContract({
      address: usdc,
      abi: tokenAbi,
      functionName: 'transfer',
      args: [this.account(8).address, value],
      account: this.account(payer),
      chain: null,
      gas: 100_000n,
      maxFeePerGas: 1_000_000_000_000n,
      maxPriorityFeePerGas: 500_000_000_000n,
    });
  }

  async mint(payer: number): Promise<void> {
    await this.client.writeContract({
      address: usdc,
      abi: tokenAbi,
      functionName: 'mint',
      args: [this.account(payer).address, payersHave],
      account: this.account(5),
      chain: null,
    });
  }

  /** The block that a transaction stands in now. */
  async blockHashOf(transaction: string): Promise<Hex> {
    const { blockHash } = await this.client.getTransactionReceipt({ hash: transaction as Hex });
    return blockHash;
  }

  async blockAt(number: number): Promise<{ number: bigint; hash: Hex; time: bigint }> {
    const block = await this.client.getBlock({ blockNumber: BigInt(number) });
    return { number: block.number ?? 0n, hash: block.hash ?? '0x', time: block.timestamp };
  }

  async blockHashAt(number: number): Promise<Hex> {
    return (await this.blockAt(number)).hash;
  }

  async payeeBalance(): Promise<bigint> {
    return this.client.readContract({
      address: usdc,
      abi: tokenAbi,
      functionName: 'balanceOf',
      args: [this.account(6).address],
    });
  }

  /** What was told, of one payment or of the chain. */
  async told(key: string): Promise<QuittanceEvent[]> {
    const rows = await this.owner.sql<{ event: QuittanceEvent }>(
      `SELECT event FROM settlement.outbox WHERE event->>'key' = $1 ORDER BY sequence`,
      [key],
    );
    return rows.map(({ event }) => event);
  }

  async states(payments: readonly Accepted[]): Promise<(string | undefined)[]> {
    const rows = await this.owner.sql<{ id: string; state: string }>(
      'SELECT payment_id::text AS id, state FROM settlement.payment WHERE payment_id = ANY ($1::uuid[])',
      [payments.map(({ data }) => data.paymentId)],
    );
    const byId = new Map(rows.map(({ id, state }) => [id, state]));
    return payments.map(({ data }) => byId.get(data.paymentId));
  }

  async become(payments: readonly Accepted[], state: string): Promise<void> {
    await until(
      async () => (await this.states(payments)).every((each) => each === state),
      async () =>
        `${state}: ${(await this.states(payments)).join(' ')}; ${JSON.stringify(this.logged.slice(-5))}`,
    );
  }

  async attempts({ data }: Accepted): Promise<{ n: number; state: string; fee: string | null }[]> {
    return this.owner.sql(
      'SELECT n, state, fee::text FROM settlement.attempt WHERE payment_id = $1::uuid ORDER BY n',
      [data.paymentId],
    );
  }

  async batch({ batchId }: Signed): Promise<Record<string, unknown>> {
    const [row] = await this.owner.sql('SELECT * FROM settlement.batch WHERE batch_id = $1::bigint', [
      batchId,
    ]);
    return row ?? {};
  }

  async cursor(): Promise<{ number: number; final: number }> {
    const [row] = await this.owner.sql<{ number: string; final: string }>(
      'SELECT block_number::text AS number, final_number::text AS final FROM settlement.follower_cursor',
    );
    return { number: Number(row?.number ?? -1), final: Number(row?.final ?? -1) };
  }

  /** Waits until the follower has applied all that is confirmed. */
  async caughtUp(): Promise<void> {
    const head = (await this.head()) - this.network.confirmations + 1;
    await until(
      async () => (await this.cursor()).number === head,
      async () =>
        `the cursor at ${head}, is at ${(await this.cursor()).number}: ${JSON.stringify(this.logged.slice(-5))}`,
    );
  }

  private async lease(): Promise<void> {
    const { chainId } = this.network;
    const { address } = this.relayer;
    this.nextNonce = BigInt(await this.client.getTransactionCount({ address }));
    await this.database.sql(
      `INSERT INTO settlement.relayer (chain_id, address, next_nonce, lease_holder, lease_token, lease_until)
       VALUES ($1, $2, $3::bigint, $4::uuid, 1, now() + interval '1 hour')`,
      [chainId, address, this.nextNonce, randomUUID()],
    );
  }
}

/** A node that has a transaction already says so by an error. */
function ignoreKnown(error: unknown): void {
  if (!/already|nonce too low/i.test(String(error))) throw error;
}

export async function until(
  holds: () => Promise<boolean>,
  what: () => Promise<string>,
  withinMs = 20_000,
): Promise<void> {
  for (const end = performance.now() + withinMs; !(await holds()); await sleep(20)) {
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${await what()}`);
  }
}
