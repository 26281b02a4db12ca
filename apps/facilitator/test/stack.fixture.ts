import { randomBytes, randomUUID } from 'node:crypto';

import { devUsdc, mintDevToken } from '@quittance/embedded';
import { createEvent, type EventOf, type QuittanceEvent, topics } from '@quittance/events';
import { createTransport, type EventTransport } from '@quittance/messaging';
import { createLogger, type Logger } from '@quittance/observability';
import { type Anvil, startAnvil, startTestDatabase, type TestDatabase } from '@quittance/testing';
import pg from 'pg';
import type { Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

import { createParts, type Parts } from '../src/app.module.js';
import { parseConfig } from '../src/config.js';
import { type Service, startService } from '../src/service.js';
import type { Payer } from './payment.fixture.js';

export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
};

export const hashOf = (byte: string): Hex => `0x${byte.repeat(32)}`;

/** Real Postgres and a real chain, shared by the tests of a file. */
export type Ground = {
  readonly database: TestDatabase;
  readonly anvil: Anvil;
  readonly stop: () => Promise<void>;
};

export async function startGround(): Promise<Ground> {
  const [database, anvil] = await Promise.all([startTestDatabase(), startAnvil()]);
  const stop = async (): Promise<void> => void (await Promise.all([database.stop(), anvil.stop()]));
  return { database, anvil, stop };
}

export type Replica = Service & { readonly logLines: readonly string[] };

export type ReplicaOptions = {
  readonly settings?: Readonly<Record<string, string>>;
  readonly replace?: (parts: Parts) => Partial<Parts>;
  /** False starts it while something it needs is down. */
  readonly awaitReady?: boolean;
};

export async function startReplica(
  ground: Ground,
  { settings = {}, replace, awaitReady = true }: ReplicaOptions = {},
): Promise<Replica> {
  const logLines: string[] = [];
  const logger: Logger = createLogger({
    service: 'facilitator',
    level: 'debug',
    destination: { write: (line: string) => void logLines.push(line) },
  });
  const config = parseConfig(environment(ground, settings));
  const parts = createParts(config, logger, (error) => logLines.push(`hopeless: ${error.message}`));
  const service = await startService({ ...parts, ...replace?.(parts) });
  if (awaitReady) await eventually(async () => (await get(service, '/health/ready')).status === 200);
  return { ...service, logLines };
}

export function environment({ database, anvil }: Ground, more: Readonly<Record<string, string>> = {}) {
  return {
    DATABASE_URL: database.serviceUrls.facilitator,
    NETWORKS: JSON.stringify([networkSetting(anvil.rpcUrl)]),
    PORT: '0',
    SETTLE_WAIT_MS: '5000',
    ...more,
  };
}

export function networkSetting(rpcUrl: string) {
  const { address, symbol, decimals, name, version } = devUsdc;
  return {
    chainId: 'eip155:84532',
    rpcUrls: [rpcUrl],
    assets: [{ address, symbol, decimals, name, version }],
    relayers: ['0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'],
    confirmations: 1,
  };
}

export async function post(service: Service, path: '/verify' | '/settle', body: unknown): Promise<Answer> {
  return postAs('application/json', `${service.url}${path}`, body);
}

export async function postAs(type: string, url: string, body: unknown): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return answerOf(await fetch(url, { method: 'POST', headers: { 'content-type': type }, body: text }));
}

export async function get({ url }: Service, path: string): Promise<Answer> {
  return answerOf(await fetch(`${url}${path}`));
}

async function answerOf(response: Response): Promise<Answer> {
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
}

export async function eventually(holds: () => Promise<boolean> | boolean, limitMs = 15_000): Promise<void> {
  const end = Date.now() + limitMs;
  for (;;) {
    const held = await Promise.resolve()
      .then(holds)
      .catch(() => false);
    if (held) return;
    if (Date.now() > end) throw new Error(`did not come true within ${limitMs} ms: ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function asAdmin<Row extends pg.QueryResultRow>(
  ground: Ground,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: ground.database.adminUrl });
  await client.connect();
  try {
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end();
  }
}

/** An account of its own for each test, with money. */
export async function fundedPayer({ anvil }: Ground, amount: bigint): Promise<Payer> {
  const payer = privateKeyToAccount(`0x${randomBytes(32).toString('hex')}`);
  if (amount > 0n) await mintDevToken(anvil.rpcUrl, { token: devUsdc.address, to: payer.address, amount });
  return payer;
}

export type Accepted = EventOf<'payment.accepted'>;

/** Plays the settlement service: sees what was accepted, and says what the test wants to have happened. */
export class SettlementFake {
  readonly accepted: Accepted[] = [];
  readonly others: QuittanceEvent[] = [];
  readonly #transport: EventTransport;

  constructor(
    ground: Ground,
    private readonly script: (event: Accepted, fake: SettlementFake) => Promise<void> = (event, fake) =>
      fake.confirm(event),
  ) {
    this.#transport = createTransport({
      kind: 'postgres',
      databaseUrl: ground.database.serviceUrls.settlement,
    });
  }

  async start(): Promise<void> {
    await this.#transport.subscribe({
      group: 'settlement',
      topics: [topics.payments.name],
      onBatch: async ({ events }) => {
        for (const event of events) {
          if (event.type !== 'payment.accepted') this.others.push(event);
          else {
            this.accepted.push(event);
            await this.script(event, this);
          }
        }
      },
    });
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  async publish(...events: QuittanceEvent[]): Promise<void> {
    await this.#transport.publish(events);
  }

  async submit(event: Accepted, transaction: Hex = hashOf('7a')): Promise<void> {
    await this.publish(submittedEvent(event, transaction));
  }

  async confirm(event: Accepted, transaction: Hex = hashOf('7a'), blockNumber = '5'): Promise<void> {
    await this.publish(submittedEvent(event, transaction), confirmedEvent(event, transaction, blockNumber));
  }

  async fail(
    event: Accepted,
    { reason = 'invalid_exact_evm_transaction_failed', spent = false, transaction = null as Hex | null } = {},
  ): Promise<void> {
    await this.publish(
      createEvent({
        ...stamp('settlement.failed'),
        data: {
          ...partiesOf(event),
          reason,
          detail: 'reverted',
          authorizationSpent: spent,
          transaction,
          block: null,
          gas: null,
        },
      }),
    );
  }
}

export function stamp<Type extends string>(type: Type) {
  return { id: randomUUID(), type, occurredAt: new Date(), causationId: null } as const;
}

export function partiesOf({ data }: Accepted) {
  const { paymentId, chainId, asset, payer, payTo: seller, amount } = data;
  return { paymentId, chainId, asset, payer, payTo: seller, amount };
}

export function submittedEvent(event: Accepted, transaction: Hex): EventOf<'settlement.submitted'> {
  return createEvent({
    ...stamp('settlement.submitted'),
    data: {
      ...partiesOf(event),
      attempt: 1,
      relayer: `0x${'f3'.repeat(20)}`,
      relayerNonce: '1',
      transaction,
      batchSize: 1,
      gasLimit: '1',
      gasPriceMax: '1',
      gasReserve: '1',
    },
  });
}

export function confirmedEvent(
  event: Accepted,
  transaction: Hex,
  blockNumber = '5',
): EventOf<'settlement.confirmed'> {
  return createEvent({
    ...stamp('settlement.confirmed'),
    data: {
      ...partiesOf(event),
      transaction,
      block: { number: blockNumber, hash: hashOf('b1'), time: '1' },
      logIndex: 0,
      settledBy: 'us',
      gas: null,
    },
  });
}
