import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { expect } from '@jest/globals';
import { createTransport, type EventTransport } from '@quittance/messaging';
import { createLogger } from '@quittance/observability';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';
import pg from 'pg';
import type { z } from 'zod';

import { parseConfig } from '../src/config.js';
import { type Service, startService } from '../src/service.js';
import { chainId, type PaymentStory, token } from './payment-events.js';

const networks = [
  {
    chainId,
    rpcUrls: ['http://127.0.0.1:8545'],
    assets: [{ address: token, symbol: 'USDC', decimals: 6, name: 'USDC', version: '2' }],
  },
];
const waitMaxMs = 20_000;
const pollMs = 20;

export type Answer = {
  readonly status: number;
  readonly type: string;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
};

export type Request = {
  readonly token?: string;
  /** Idempotency-Key; a new one unless told. */
  readonly key?: string | null;
  readonly body?: unknown;
};

/** The service on a database of its own, with a transport to tell it things. */
export class RunningLedger {
  private constructor(
    readonly server: TestDatabase,
    readonly service: Service,
    readonly transport: EventTransport,
  ) {}

  /** `settings` are environment variables besides those that every test has. */
  static async start(settings: Readonly<Record<string, string>> = {}): Promise<RunningLedger> {
    const server = await startTestDatabase();
    const databaseUrl = server.serviceUrls.ledger;
    const config = parseConfig({
      DATABASE_URL: databaseUrl,
      NETWORKS: JSON.stringify(networks),
      PORT: '0',
      LOG_LEVEL: 'silent',
      ...settings,
    });
    const log = createLogger({ service: 'ledger', level: 'silent' });
    const service = await startService(config, log, (error) => {
      throw error;
    });
    return new RunningLedger(server, service, createTransport({ kind: 'postgres', databaseUrl }));
  }

  async close(): Promise<void> {
    await this.service.close();
    await this.transport.close();
    await this.server.stop();
  }

  async get(path: string, token?: string): Promise<Answer> {
    return answerOf(await fetch(`${this.service.url}${path}`, { headers: authorization(token) }));
  }

  async post(path: string, { token, key = randomUUID(), body = {} }: Request = {}): Promise<Answer> {
    const headers = {
      'content-type': 'application/json',
      ...(key === null ? {} : { 'idempotency-key': key }),
      ...authorization(token),
    };
    return answerOf(
      await fetch(`${this.service.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) }),
    );
  }

  async read<Schema extends z.ZodType>(schema: Schema, path: string): Promise<z.output<Schema>> {
    const { status, body } = await this.get(path);
    expect({ status, body }).toMatchObject({ status: 200 });
    return schema.parse(body);
  }

  async until(what: string, holds: () => Promise<boolean>): Promise<void> {
    for (const end = Date.now() + waitMaxMs; Date.now() < end; await sleep(pollMs)) if (await holds()) return;
    throw new RangeError(`${what} did not come in time`);
  }

  arrives(story: PaymentStory, state: string): Promise<void> {
    const path = `/payments/${story.paymentId}`;
    return this.until(state, async () => (await this.get(path)).body['state'] === state);
  }

  /** Lists show what is sealed: until all that is posted by now is. */
  async sealed(): Promise<void> {
    const [posted] = await this.asSuperuser('SELECT count(*)::integer AS count FROM ledger.transaction', []);
    await this.until('the seal', async () => {
      const [seal] = await this.asSuperuser(
        'SELECT coalesce(max(size), 0)::integer AS size FROM ledger.seal',
        [],
      );
      return Number(seal?.['size']) >= Number(posted?.['count']);
    });
  }

  async asSuperuser(statement: string, values: readonly unknown[]): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: this.server.adminUrl });
    await client.connect();
    try {
      return (await client.query(statement, [...values])).rows as Record<string, unknown>[];
    } finally {
      await client.end();
    }
  }
}

const authorization = (token: string | undefined): Record<string, string> =>
  token === undefined ? {} : { authorization: `Bearer ${token}` };

async function answerOf(response: Response): Promise<Answer> {
  const { status, headers } = response;
  const type = headers.get('content-type') ?? '';
  const text = await response.text();
  return {
    status,
    type,
    headers,
    body: type.includes('json') ? (JSON.parse(text) as Answer['body']) : { text },
  };
}
