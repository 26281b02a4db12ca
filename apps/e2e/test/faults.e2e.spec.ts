import { afterAll, afterEach, beforeEach, expect, it } from '@jest/globals';
import type { Anvil } from '@quittance/testing';

import { trialBalance, usedAuthorizations } from '../src/books.js';
import { type Answer, eventually, get, post } from '../src/http.js';
import { Payer } from '../src/payer.js';
import { type Stack, startStack } from '../src/stack.js';
import type { Transport } from '../src/transport.js';
import { overBothTransports } from './transports.js';

/** A fault is not a verdict: what is down is a 503 that says when to come back, and all is well when it returns. */
overBothTransports('an outage', (startTransport, kind) => {
  let transport: Transport;
  let stack: Stack;
  let chain: Anvil;

  beforeEach(async () => {
    transport = await startTransport();
    stack = await startStack({ transport, settleWaitMs: 10_000 });
    chain = stack.chains[0] as Anvil;
  });

  afterEach(async () => {
    await stack?.stop();
  });

  afterAll(async () => {
    await transport?.stop();
  });

  const url = (path: string): string => `${stack.facilitators[0]?.url}${path}`;

  function expectFault(answer: Answer, code: string): void {
    expect({ status: answer.status, code: answer.body['code'] }).toEqual({ status: 503, code });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    // Never a verdict.
    expect(answer.body).not.toHaveProperty('isValid');
    expect(answer.body).not.toHaveProperty('success');
  }

  async function expectAllIsWell(): Promise<void> {
    await eventually('the facilitator is ready again', async () =>
      (await get(url('/health/ready'))).status === 200 ? true : undefined,
    );
    const payer = await Payer.funded(chain, 1_000_000n);
    const payment = await payer.pay(chain);
    await eventually('a payment settles again', async () => {
      const { status, body } = await post(url('/settle'), payment.body);
      if (status !== 503) expect({ status, body }).toMatchObject({ status: 200, body: { success: true } });
      return status === 200 ? true : undefined;
    });
    await eventually('the ledger books it', async () =>
      (await get(`${stack.ledger.url}/payments/${payment.id}`)).body['state'] === 'confirmed'
        ? true
        : undefined,
    );
    expect(await trialBalance(stack)).toMatchObject({ balanced: true, balancesMatchEntries: true });
  }

  it('of the RPC is a 503 and no verdict, and heals', async () => {
    const payer = await Payer.funded(chain, 1_000_000n);
    const payment = await payer.pay(chain);
    const before = await usedAuthorizations(chain);
    chain.pause();
    try {
      expectFault(await post(url('/verify'), payment.body), 'chain_unavailable');
      expectFault(await post(url('/settle'), payment.body), 'chain_unavailable');
      expect((await get(url('/health/ready'))).status).toBe(503);
      expect((await get(url('/health/live'))).status).toBe(200);
    } finally {
      chain.resume();
    }
    expect(await usedAuthorizations(chain)).toEqual(before);
    await expectAllIsWell();
  });

  it('of Postgres is a 503 and no verdict, and heals', async () => {
    const payer = await Payer.funded(chain, 1_000_000n);
    const payment = await payer.pay(chain);
    await stack.database.stopServer('immediate');
    try {
      expectFault(await post(url('/verify'), payment.body), 'database_unavailable');
      expectFault(await post(url('/settle'), payment.body), 'database_unavailable');
      expect((await get(url('/health/ready'))).status).toBe(503);
    } finally {
      await stack.database.startServer();
    }
    await expectAllIsWell();
  });

  // The postgres transport has no broker apart from the database, which the case before takes down.
  if (kind !== 'kafka') return;

  it('of the broker is a 503 before anything is reserved, and heals', async () => {
    const broker = transport.kafka;
    if (broker?.stopServer === undefined || broker.startServer === undefined)
      throw new Error(
        'This broker cannot be taken down: leave KAFKA_BROKERS unset to test with one that can.',
      );
    const payer = await Payer.funded(chain, 1_000_000n);
    const payment = await payer.pay(chain);
    await broker.stopServer();
    try {
      await eventually('the outage is noticed', async () =>
        (await get(url('/health/ready'))).status === 503 ? true : undefined,
      );
      expectFault(await post(url('/settle'), payment.body), 'transport_unavailable');
      expect((await get(url(`/payments/${payment.id}`))).status).toBe(404);
    } finally {
      await broker.startServer();
    }
    await expectAllIsWell();
  });
});
