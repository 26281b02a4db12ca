import { randomBytes, randomUUID } from 'node:crypto';

import { EvmChain, type EvmNetwork, networksSchema, Relayer } from '@quittance/chain';
import { Database } from '@quittance/database';
import { createEvent, type EventOf, type QuittanceEvent } from '@quittance/events';
import { erc20AssetId } from '@quittance/money';
import { paymentIdOf } from '@quittance/protocol';
import { type Anvil, startAnvil, startTestDatabase, type TestDatabase } from '@quittance/testing';
import { createTestClient, http, parseAbi, publicActions, walletActions } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

import { ChainSettler, type ChainSettlerOptions } from '../src/chain/chain-settler.loop.js';
import type { SettlementChain } from '../src/chain/settlement-chain.js';
import type { Log } from '../src/loop/wakeable.loop.js';
import { PaymentRepository } from '../src/payment/payment.repository.js';
import { until } from './interception.js';
import { type Accepted, Records } from './records.js';

export { intercepted, pausing, until } from './interception.js';
export type { Accepted } from './records.js';

type Hex = `0x${string}`;

export const usdc: Hex = '0x036cbd53842c5426634e7929541ec2318f3dcf7e';
const tokenAbi = parseAbi([
  'function mint(address to, uint256 value)',
  'function transfer(address to, uint256 value) returns (bool)',
  'function balanceOf(address account) view returns (uint256)',
  'function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes signature)',
  'function cancelAuthorization(address authorizer, bytes32 nonce, bytes signature)',
]);
const authorizationTypes = {
  TransferWithAuthorization: [
    { name: 'from', type: 'address' },
    { name: 'to', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'validAfter', type: 'uint256' },
    { name: 'validBefore', type: 'uint256' },
    { name: 'nonce', type: 'bytes32' },
  ],
  CancelAuthorization: [
    { name: 'authorizer', type: 'address' },
    { name: 'nonce', type: 'bytes32' },
  ],
} as const;

export type Terms = {
  readonly payer?: number;
  readonly amount?: bigint;
  readonly validForSeconds?: number;
  readonly validAfter?: bigint;
};
export type Running = {
  readonly settler: ChainSettler;
  readonly logged: readonly { level: string; message: string; fields: object }[];
  close(): Promise<void>;
};
export type RunOptions = {
  readonly wrap?: (chain: SettlementChain) => SettlementChain;
  readonly relayers?: readonly Pick<Relayer, 'address' | 'sign'>[];
  readonly network?: Partial<EvmNetwork>;
  readonly confirmations?: number;
  readonly presenceOf?: NonNullable<ChainSettlerOptions['presenceOf']>;
};

/** A real database and a real chain, with what payers, thieves and operators do to them. Accounts 0 and 9 are relayers, 1 to 4 pay, 5 is a stranger. */
export class World extends Records {
  private readonly running = new Set<Running>();

  private constructor(
    readonly server: TestDatabase,
    readonly anvil: Anvil,
    readonly network: EvmNetwork,
    readonly database: Database,
    protected readonly owner: Database,
  ) {
    super();
  }

  static async start({
    blockTimeS,
    pollIntervalMs = 50,
  }: { blockTimeS?: number; pollIntervalMs?: number } = {}): Promise<World> {
    const [server, anvil] = await Promise.all([
      startTestDatabase(),
      startAnvil(blockTimeS === undefined ? {} : { blockTimeS }),
    ]);
    const relayers = [anvil.accounts[0]?.address, anvil.accounts[9]?.address];
    const [network] = networksSchema.parse(
      JSON.stringify([
        {
          chainId: `eip155:${anvil.chainId}`,
          rpcUrls: [anvil.rpcUrl],
          assets: [{ address: usdc, symbol: 'USDC', decimals: 6, name: 'USDC', version: '2' }],
          relayers,
          pollIntervalMs,
        },
      ]),
    );
    if (network === undefined) throw new TypeError('no network');
    const connect = (url: string) => Database.connect({ url, applicationName: 'settlement_test' });
    const world = new World(
      server,
      anvil,
      network,
      connect(server.serviceUrls.settlement),
      connect(server.adminUrl),
    );
    for (const payer of [1, 2, 3, 4]) await world.mint(payer, 1_000_000_000n);
    return world;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.running].map((running) => running.close()));
    await Promise.all([this.database.close(), this.owner.close()]);
    await Promise.all([this.anvil.stop(), this.server.stop()]);
  }

  /** The network as the setting NETWORKS. */
  networksText(over: Partial<Record<keyof EvmNetwork, unknown>> = {}): string {
    return JSON.stringify([{ ...this.network, ...over }], (_, value: unknown) =>
      typeof value === 'bigint' ? value.toString() : value,
    );
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

  async setAutomine(on: boolean): Promise<void> {
    await this.client.setAutomine(on);
  }

  async mine(): Promise<void> {
    await this.client.mine({ blocks: 1 });
  }

  /** Transactions that the next block would take. */
  async pendingCount(): Promise<number> {
    return this.client.getBlockTransactionCount({ blockTag: 'pending' });
  }

  /** A block for which a transaction has to offer so much. */
  async mineAtBaseFee(wei: bigint): Promise<void> {
    await this.client.setNextBlockBaseFeePerGas({ baseFeePerGas: wei });
    await this.mine();
  }

  /** Takes our transactions out of the mempool and lets something else be mined; ours are broadcast again by themselves. */
  async overtake(other: () => Promise<unknown>): Promise<void> {
    const { address } = this.account(0);
    // They are stored before they are sent: one that came in after the drop would be mined first.
    await until(
      async () =>
        (await this.client.getTransactionCount({ address, blockTag: 'pending' })) >
        (await this.relayerCount()),
      { what: async () => 'a transaction of ours in the mempool' },
    );
    await this.client.request<{
      Method: 'anvil_dropAllTransactions';
      Parameters: undefined;
      ReturnType: null;
    }>({ method: 'anvil_dropAllTransactions', params: undefined });
    await this.setAutomine(true);
    await other();
  }

  /** Gives what forgets all blocks made from now on, as a reorganization does; their transactions are lost too. */
  async forkPoint(): Promise<() => Promise<void>> {
    const id = await this.client.snapshot();
    return () => this.client.revert({ id });
  }

  /** The operator uses the relayer's key elsewhere. */
  async spendRelayerNonce(): Promise<void> {
    await this.mined(
      await this.client.sendTransaction({
        account: this.account(0),
        to: this.account(7).address,
        value: 1n,
        chain: null,
      }),
    );
  }

  get relayer(): Relayer {
    return this.relayerOf(0);
  }

  relayerOf(index: number): Relayer {
    return Relayer.fromKey(this.anvil.accounts[index]?.privateKey ?? '0x');
  }

  get databaseUrl(): string {
    return this.server.serviceUrls.settlement;
  }

  /** A settler as one process runs it. */
  run({
    wrap = (chain) => chain,
    relayers = [this.relayer],
    confirmations = 1,
    network = {},
    presenceOf,
  }: RunOptions = {}): Running {
    const logged: { level: string; message: string; fields: object }[] = [];
    const write = (level: string) => (fields: object, message: string) =>
      void logged.push({ level, message, fields });
    const log: Log = { info: write('info'), warn: write('warn'), error: write('error') };
    const database = Database.connect({
      url: this.databaseUrl,
      applicationName: 'settler_test',
    });
    const chain = wrap(
      EvmChain.connect({ ...this.network, confirmations, ...network }, { requestTimeoutMs: 2_000 }),
    );
    const settler = new ChainSettler({
      chain,
      relayers,
      database,
      log,
      ...(presenceOf === undefined ? {} : { presenceOf }),
    });
    const running: Running = {
      settler,
      logged,
      close: async () => {
        if (!this.running.delete(running)) return;
        await settler.close();
        await database.close();
      },
    };
    this.running.add(running);
    settler.start();
    return running;
  }

  /** Takes events in, as the consumer does, and wakes whoever runs. */
  async take(...events: readonly QuittanceEvent[]): Promise<void> {
    await new PaymentRepository(this.database).take(events);
    for (const { settler } of this.running) settler.wake();
  }

  async accept(terms: Terms = {}): Promise<Accepted> {
    const payer = this.account(terms.payer ?? 1);
    const now = BigInt(Math.floor(Date.now() / 1_000));
    const authorization = {
      from: lower(payer.address),
      to: lower(this.account(6).address),
      value: terms.amount ?? 10_000n,
      validAfter: terms.validAfter ?? now - 600n,
      validBefore: now + BigInt(terms.validForSeconds ?? 300),
      nonce: `0x${randomBytes(32).toString('hex')}` as Hex,
    };
    const signature = await payer.signTypedData({
      domain: this.domain,
      types: authorizationTypes,
      primaryType: 'TransferWithAuthorization',
      message: authorization,
    });
    const { chainId } = this.network;
    return createEvent({
      id: randomUUID(),
      type: 'payment.accepted',
      occurredAt: new Date(),
      causationId: null,
      data: {
        paymentId: paymentIdOf({
          chainId,
          asset: usdc,
          payer: authorization.from,
          nonce: authorization.nonce,
        }),
        chainId,
        asset: erc20AssetId(chainId, usdc),
        payer: authorization.from,
        payTo: authorization.to,
        amount: authorization.value.toString(),
        x402Version: 2,
        scheme: 'exact',
        method: 'eip3009',
        resource: null,
        authorization: {
          ...authorization,
          value: authorization.value.toString(),
          validAfter: authorization.validAfter.toString(),
          validBefore: authorization.validBefore.toString(),
        },
        signature,
      },
    });
  }

  expiryOf({ data }: Accepted): EventOf<'payment.expired'> {
    const { paymentId, chainId, asset, payer, payTo, amount, authorization } = data;
    const block = { number: '1', hash: `0x${'b1'.repeat(32)}`, time: '1' };
    const payment = { paymentId, chainId, asset, payer, payTo, amount };
    return createEvent({
      id: randomUUID(),
      type: 'payment.expired',
      occurredAt: new Date(),
      causationId: null,
      data: { ...payment, validBefore: authorization.validBefore, block },
    });
  }

  /** Somebody else puts the payment on chain. */
  async land(accepted: Accepted): Promise<Hex> {
    return this.mined(await this.sendTransfer(accepted, {}));
  }

  /** Somebody else pays more than we do, and is in the next block before us. */
  async landFirst(accepted: Accepted): Promise<void> {
    const hash = await this.sendTransfer(accepted, {
      maxFeePerGas: 500_000_000_000n,
      maxPriorityFeePerGas: 100_000_000_000n,
    });
    await this.mine();
    await this.mined(hash);
  }

  private async sendTransfer(
    { data }: Accepted,
    fees: { readonly maxFeePerGas?: bigint; readonly maxPriorityFeePerGas?: bigint },
  ): Promise<Hex> {
    const { from, to, value, validAfter, validBefore, nonce } = data.authorization;
    const args = [
      from,
      to,
      BigInt(value),
      BigInt(validAfter),
      BigInt(validBefore),
      nonce,
      data.signature,
    ] as const;
    return this.client.writeContract({
      address: usdc,
      abi: tokenAbi,
      functionName: 'transferWithAuthorization',
      args,
      account: this.account(5),
      chain: null,
      gas: 300_000n,
      ...fees,
    });
  }

  async gasUsed(hash: Hex | undefined): Promise<bigint> {
    return (await this.client.getTransactionReceipt({ hash: hash ?? '0x' })).gasUsed;
  }

  async cancel({ data }: Accepted, payer = 1): Promise<void> {
    const { from, nonce } = data.authorization;
    const signature = await this.account(payer).signTypedData({
      domain: this.domain,
      types: authorizationTypes,
      primaryType: 'CancelAuthorization',
      message: { authorizer: from, nonce },
    });
    await this.mined(
      await this.client.writeContract({
        address: usdc,
        abi: tokenAbi,
        functionName: 'cancelAuthorization',
        args: [from, nonce, signature],
        account: this.account(5),
        chain: null,
      }),
    );
  }

  async mint(payer: number, value: bigint): Promise<void> {
    await this.mined(
      await this.client.writeContract({
        address: usdc,
        abi: tokenAbi,
        functionName: 'mint',
        args: [this.account(payer).address, value],
        account: this.account(5),
        chain: null,
      }),
    );
  }

  /** The payer moves all of its money away. */
  async drain(payer: number): Promise<void> {
    const account = this.account(payer);
    const all = await this.balance(payer);
    await this.mined(
      await this.client.writeContract({
        address: usdc,
        abi: tokenAbi,
        functionName: 'transfer',
        args: [this.account(8).address, all],
        account,
        chain: null,
      }),
    );
  }

  balance(index: number): Promise<bigint> {
    return this.client.readContract({
      address: usdc,
      abi: tokenAbi,
      functionName: 'balanceOf',
      args: [this.account(index).address],
    });
  }

  /** Somebody gives an account wei. */
  async give(to: Hex, value: bigint): Promise<void> {
    const account = this.account(5);
    await this.mined(await this.client.sendTransaction({ account, to, value, chain: null }));
  }

  async status(hash: Hex): Promise<string> {
    return (await this.client.getTransactionReceipt({ hash })).status;
  }

  async relayerCount(): Promise<number> {
    return this.client.getTransactionCount({ address: this.account(0).address });
  }

  private get domain() {
    return { name: 'USDC', version: '2', chainId: this.anvil.chainId, verifyingContract: usdc } as const;
  }

  private async mined(hash: Hex): Promise<Hex> {
    await this.client.waitForTransactionReceipt({ hash });
    return hash;
  }
}

const lower = (address: string): Hex => address.toLowerCase() as Hex;
