import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fingerprintOf, parsePaymentRequest } from '@quittance/protocol';
import pg from 'pg';

import { asV1, type Payer, payTo, paymentBody, type Wish } from './payment.fixture.js';
import {
  asAdmin,
  eventually,
  fundedPayer,
  get,
  type Ground,
  post,
  type Replica,
  SettlementFake,
  startGround,
  startReplica,
} from './stack.fixture.js';

/** What is kept of every verdict, as far as one can see it over HTTP. */
let ground: Ground;
let replica: Replica;
let settlement: SettlementFake;

beforeAll(async () => {
  ground = await startGround();
  replica = await startReplica(ground);
  settlement = new SettlementFake(ground);
  await settlement.start();
}, 90_000);

afterAll(async () => {
  await settlement.close();
  await replica.close();
  await ground.stop();
});

type Page = { readonly items: ReadonlyArray<Record<string, unknown>>; readonly nextCursor: string | null };

async function verdictsOf(query: Record<string, string>): Promise<Page> {
  const { status, body } = await get(replica, `/verdicts?${new URLSearchParams(query).toString()}`);
  expect(status).toBe(200);
  return body as unknown as Page;
}

function fingerprint(body: unknown): string {
  const parsed = parsePaymentRequest(body);
  if (!parsed.ok) throw new TypeError(parsed.message);
  return fingerprintOf(parsed.request);
}

describe('every verdict', () => {
  let payer: Payer;
  const good = (wish: Wish = {}) => paymentBody(payer, wish);

  beforeAll(async () => {
    payer = await fundedPayer(ground, 30_000n);
  });

  it('can be found by who pays, with what it was given on, the block and the time', async () => {
    const body = await good();
    await expect(post(replica, '/verify', body)).resolves.toMatchObject({ body: { isValid: true } });
    // Safe before it was answered: it is there at once.
    const { items } = await verdictsOf({ payer: payer.address });
    expect(items).toEqual([
      {
        sequence: expect.stringMatching(/^\d+$/),
        route: 'verify',
        valid: true,
        reason: null,
        fingerprint: fingerprint(body),
        paymentId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        x402Version: 2,
        scheme: 'exact',
        network: 'eip155:84532',
        asset: '0x036cbd53842c5426634e7929541ec2318f3dcf7e',
        payer: payer.address.toLowerCase(),
        payTo: payTo.toLowerCase(),
        amount: '10000',
        blockNumber: expect.stringMatching(/^\d+$/),
        judgedAt: expect.stringMatching(/^\d{4}-.*Z$/),
      },
    ]);
    expect(Math.abs(Date.parse(String(items[0]?.['judgedAt'])) - Date.now())).toBeLessThan(10_000);
  });

  it('is kept of a payment that is settled, once, however often it is asked for', async () => {
    const body = await good();
    for (let time = 0; time < 3; time += 1) await post(replica, '/settle', body);
    const { items } = await verdictsOf({ payer: payer.address });
    expect(items.filter(({ fingerprint: of }) => of === fingerprint(body))).toMatchObject([
      { route: 'settle', valid: true, reason: null },
    ]);
  });

  it('is kept of what is refused a moment later, with its reason', async () => {
    const refused = [
      ['/verify', await good({ amount: '99999' }), 'insufficient_funds'],
      ['/settle', await good({ amount: '99999' }), 'insufficient_funds'],
      ['/settle', await good({ domain: { name: 'X' } }), 'invalid_exact_evm_payload_signature'],
      ['/verify', await good({ requirements: { scheme: 'subscription' } }), 'unsupported_scheme'],
    ] as const;
    for (const [route, body] of refused) await post(replica, route, body);
    for (const [route, body, reason] of refused)
      await eventually(async () =>
        (await verdictsOf({ payer: payer.address, reason })).items.some(
          (item) =>
            item['fingerprint'] === fingerprint(body) &&
            item['route'] === route.slice(1) &&
            item['valid'] === false,
        ),
      );
    const { items } = await verdictsOf({ payer: payer.address, reason: 'unsupported_scheme' });
    expect(items[0]).toMatchObject({ blockNumber: null, paymentId: null, scheme: 'subscription' });
  });

  it('is kept of a payment in x402 v1 on a network that nobody knows, though it cannot be read in terms of v2', async () => {
    const body = asV1(await good());
    body.paymentPayload.network = body.paymentRequirements.network = 'atlantis';
    for (const route of ['/verify', '/settle'] as const) {
      const { status, body: told } = await post(replica, route, body);
      expect([status, told['invalidReason'] ?? told['errorReason']]).toEqual([200, 'invalid_network']);
    }
    await eventually(async () => {
      const { items } = await verdictsOf({ payer: payer.address, reason: 'invalid_network' });
      return items.length === 2;
    });
    const { items } = await verdictsOf({ payer: payer.address, reason: 'invalid_network' });
    expect(items.map(({ route }) => route).sort()).toEqual(['settle', 'verify']);
    expect(items[0]).toMatchObject({ x402Version: 1, network: 'unknown:unknown', paymentId: null });
  });

  it('is found by payee, reason and time, a page at a time', async () => {
    const first = await verdictsOf({ payee: payTo, limit: '2' });
    expect(first.items).toHaveLength(2);
    const second = await verdictsOf({ payee: payTo, limit: '2', cursor: String(first.nextCursor) });
    expect(second.items.length).toBeGreaterThan(0);
    const sequences = [...first.items, ...second.items].map(({ sequence }) => sequence);
    expect(new Set(sequences).size).toBe(sequences.length);
    await expect(verdictsOf({ payee: payTo, from: '2100-01-01T00:00:00Z' })).resolves.toEqual({
      items: [],
      nextCursor: null,
    });
  });

  it('is safe before a good one is answered: with a trail that cannot be written there is no answer', async () => {
    const admin = new pg.Client({ connectionString: ground.database.adminUrl });
    await admin.connect();
    const allow = 'GRANT INSERT (route) ON facilitator.verdict TO quittance_facilitator';
    try {
      await admin.query(allow.replace('GRANT', 'REVOKE').replace('TO', 'FROM'));
      const { status, body } = await post(replica, '/verify', await good());
      expect(status).toBeGreaterThanOrEqual(500);
      expect(body['isValid']).toBeUndefined();
      const settled = await post(replica, '/settle', await good());
      expect(settled.status).toBeGreaterThanOrEqual(500);
    } finally {
      await admin.query(allow);
      await admin.end();
    }
    await expect(post(replica, '/verify', await good())).resolves.toMatchObject({ body: { isValid: true } });
  });

  it('holds no signature, and is sealed beside the requests', async () => {
    await eventually(async () => {
      const rows = await asAdmin(ground, 'SELECT 1 FROM facilitator.verdict_seal');
      return rows.length > 0;
    });
    await expect(asAdmin(ground, 'SELECT * FROM facilitator.broken_seals()')).resolves.toEqual([]);
    await expect(
      asAdmin(ground, `SELECT count(*)::int AS n FROM facilitator.verdict v WHERE v::text ~ '[0-9a-f]{130}'`),
    ).resolves.toEqual([{ n: 0 }]);
    expect(replica.logLines.some((line) => line.includes('verdicts sealed'))).toBe(true);
  });

  it('that was only remembered here is written when the service ends', async () => {
    const short = await startReplica(ground);
    const poor = await fundedPayer(ground, 0n);
    await post(short, '/verify', await paymentBody(poor));
    await short.close();
    await expect(verdictsOf({ payer: poor.address })).resolves.toMatchObject({
      items: [{ reason: 'insufficient_funds' }],
    });
  });
});

describe('what cannot be asked of the trail', () => {
  const cursorOf = (text: string) => Buffer.from(text).toString('base64url');
  it.each([
    ['a limit of 0', { limit: '0' }],
    ['a limit beyond the most', { limit: '1001' }],
    ['a payer that is no address', { payer: '0x12' }],
    ['a parameter that there is not', { sort: 'asc' }],
    ['a day that there is not', { from: '2026-02-30T00:00:00Z' }],
    ['a year that no calendar has', { from: '0000-01-01T00:00:00Z' }],
    ['a time without end', { to: `2026-01-01T00:00:00.${'0'.repeat(300)}Z` }],
    ['a cursor that is none', { cursor: 'next' }],
    ['a reason that is none', { reason: "' OR 1=1 --" }],
  ])('is %s: 400, and which parameter', async (_, query) => {
    const path = `/verdicts?${new URLSearchParams(query as unknown as Record<string, string>).toString()}`;
    const { status, body } = await get(replica, path);
    expect([status, body['code']]).toEqual([400, 'parameter_invalid']);
    expect(body['detail']).toContain(`"${Object.keys(query)[0]}"`);
  });

  it.each([
    ['the end of all times', { to: '9999-12-31T23:59:59.999999Z' }],
    ['the first year', { from: '0001-01-01T00:00:00Z' }],
    ['the last cursor', { cursor: cursorOf('999999999999999.999999999999999999') }],
  ])('is not %s', async (_, query) => {
    const path = `/verdicts?${new URLSearchParams(query as unknown as Record<string, string>).toString()}`;
    expect(await get(replica, path)).toMatchObject({ status: 200, body: { items: expect.any(Array) } });
  });
});
