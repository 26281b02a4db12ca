import { connect } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { supportedResponseSchema } from '@quittance/protocol';
import fc from 'fast-check';

import { openApiDocument } from '../src/openapi.js';
import { asV1, type Body, paymentBody, type Payer } from './payment.fixture.js';
import {
  eventually,
  fundedPayer,
  get,
  type Ground,
  type Replica,
  SettlementFake,
  startGround,
  startReplica,
} from './stack.fixture.js';

/** The rest of what can be asked over HTTP, and what nobody should ask. */
let ground: Ground;
let replica: Replica;
let settlement: SettlementFake;
let payer: Payer;

beforeAll(async () => {
  ground = await startGround();
  replica = await startReplica(ground, { settings: { SETTLE_WAIT_MS: '2000' } });
  settlement = new SettlementFake(ground);
  await settlement.start();
  payer = await fundedPayer(ground, 10n ** 12n);
}, 90_000);

afterAll(async () => {
  await settlement.close();
  await replica.close();
  await ground.stop();
});

describe('reading', () => {
  it('GET /supported tells kinds for both generations, and who pays the gas', async () => {
    const relayer = '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266';
    await eventually(async () =>
      JSON.stringify((await get(replica, '/supported')).body).includes('facilitatorAddress'),
    );
    const { status, body } = await get(replica, '/supported');
    expect(status).toBe(200);
    expect(supportedResponseSchema.parse(body)).toEqual({
      kinds: [
        { x402Version: 2, scheme: 'exact', network: 'eip155:84532' },
        { x402Version: 1, scheme: 'exact', network: 'base-sepolia' },
        { x402Version: 2, scheme: 'upto', network: 'eip155:84532', extra: { facilitatorAddress: relayer } },
      ],
      extensions: ['eip2612GasSponsoring', 'erc20ApprovalGasSponsoring', 'payment-identifier'],
      signers: { 'eip155:*': [relayer] },
    });
  });

  it('GET / points to everything, and everything is there', async () => {
    const { body } = await get(replica, '/');
    const links = body['links'] as Record<string, string>;
    for (const path of [
      links['supported'],
      links['verdicts'],
      links['openapi'],
      links['live'],
      links['ready'],
    ]) {
      await expect(get(replica, path ?? '')).resolves.toMatchObject({ status: 200 });
    }
    const page = await fetch(`${replica.url}${links['docs']}`);
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('swagger-ui')]);
    const script = await fetch(`${replica.url}/docs/swagger-ui-bundle.js`);
    expect([script.status, (await script.text()).length > 100_000]).toEqual([200, true]);
  });

  it('GET /openapi.json is the generated document', async () => {
    await expect(get(replica, '/openapi.json').then(({ body }) => body)).resolves.toMatchObject({
      openapi: '3.1.0',
      paths: (JSON.parse(JSON.stringify(openApiDocument())) as { paths: object }).paths,
    });
  });

  it('GET /health tells what answers', async () => {
    await expect(get(replica, '/health/live')).resolves.toMatchObject({
      status: 200,
      body: { status: 'live' },
    });
    await expect(get(replica, '/health/ready')).resolves.toMatchObject({
      status: 200,
      body: {
        status: 'ready',
        checks: {
          database: { status: 'up' },
          transport: { status: 'up' },
          'chain:eip155:84532': { status: 'up' },
        },
      },
    });
  });

  it.each([
    ['/payments/6f2d3c1a-5b7e-8f90-a1b2-c3d4e5f60718', 404, 'payment_unknown'],
    ['/payments/not-a-uuid', 400, 'payment_id_malformed'],
    [`/payments/${'9'.repeat(150)}`, 400, 'payment_id_malformed'],
    ['/payments/%27%3B--', 400, 'payment_id_malformed'],
    ['/verdicts?payer=vitalik.eth', 400, 'parameter_invalid'],
    ['/verdicts?since=today', 400, 'parameter_invalid'],
    ['/verdicts?limit=0', 400, 'parameter_invalid'],
    ['/verdicts?limit=1001', 400, 'parameter_invalid'],
    ['/verdicts?cursor=nonsense', 400, 'parameter_invalid'],
    ['/verdicts?from=yesterday', 400, 'parameter_invalid'],
    ['/verdicts?reason=%27%3B--', 400, 'parameter_invalid'],
    ['/verdicts?payer=0x12&payer=0x34', 400, 'parameter_invalid'],
    ['/nowhere', 404, 'route_unknown'],
    ['/verify', 404, 'route_unknown'],
    ['/%ff', 400, 'request_malformed'],
    [`/payments/${'9'.repeat(500)}`, 414, 'request_malformed'],
  ])('GET %s is a problem: %i %s', async (path, status, code) => {
    const answer = await get(replica, path);
    expect([answer.status, answer.body['code'], answer.headers.get('content-type')]).toEqual([
      status,
      code,
      expect.stringContaining('application/problem+json'),
    ]);
  });

  it('what is not HTTP is refused without a word of the framework', async () => {
    const { port } = new URL(replica.url);
    const reply = await new Promise<string>((resolve) => {
      const socket = connect(Number(port), '127.0.0.1', () => socket.write('NONSENSE\r\n\r\n'));
      let text = '';
      socket.on('data', (chunk) => (text += chunk.toString()));
      socket.on('close', () => resolve(text));
    });
    expect(reply).toMatch(/^HTTP\/1\.1 400 /);
    expect(reply).toContain('application/problem+json');
  });
});

type Post = {
  readonly path: '/verify' | '/settle';
  readonly payload: string | Buffer;
  readonly type?: string;
};

async function inject({ path, payload, type = 'application/json' }: Post) {
  return replica.app.inject({ method: 'POST', url: path, headers: { 'content-type': type }, payload });
}

/** Parsable by the strictest client of the route, and never a fault of ours. */
async function expectOrdinaryAnswer(post: Post): Promise<void> {
  const { statusCode, body, headers } = await inject(post);
  expect([200, 400, 409, 413, 415]).toContain(statusCode);
  expect(headers['content-type']).toMatch(/^application\/json/);
  const answer = JSON.parse(body) as Record<string, unknown>;
  if (post.path === '/verify') expect(typeof answer['isValid']).toBe('boolean');
  else
    expect([typeof answer['success'], typeof answer['transaction'], typeof answer['network']]).toEqual([
      'boolean',
      'string',
      'string',
    ]);
  expect(body).not.toMatch(/statusCode|at .*\.ts:\d|node_modules/);
}

const paths = fc.constantFrom('/verify', '/settle') as fc.Arbitrary<'/verify' | '/settle'>;

describe('whatever is sent to /verify and /settle', () => {
  it('is answered in their shape: bytes', async () => {
    await fc.assert(
      fc.asyncProperty(paths, fc.uint8Array({ maxLength: 300 }), (path, bytes) =>
        expectOrdinaryAnswer({ path, payload: Buffer.from(bytes) }),
      ),
      { numRuns: 60 },
    );
  }, 60_000);

  it('is answered in their shape: JSON', async () => {
    await fc.assert(
      fc.asyncProperty(paths, fc.json({ noUnicodeString: false } as object), (path, payload) =>
        expectOrdinaryAnswer({ path, payload }),
      ),
      { numRuns: 60 },
    );
  }, 60_000);

  it('is answered in their shape: content types', async () => {
    const types = fc.oneof(
      fc.constantFrom('application/json;charset=utf-16', 'application/json; x=', 'text/html', '*/*'),
      fc.stringMatching(/^[a-z/;= ]{1,30}$/),
    );
    await fc.assert(
      fc.asyncProperty(paths, types, (path, type) => expectOrdinaryAnswer({ path, payload: '{}', type })),
      { numRuns: 40 },
    );
  }, 60_000);

  it('is answered in their shape: a good payment with anything in any place', async () => {
    const signed = await paymentBody(payer, { amount: '1' });
    const places = [
      ...placesOf(signed).map((place) => [signed, place] as const),
      ...placesOf(asV1(signed)).map((place) => [asV1(signed), place] as const),
    ];
    const junk = fc.oneof(
      fc.constantFrom<unknown>(
        null,
        true,
        0,
        -1,
        1e308,
        '',
        '0',
        '-1',
        '0x',
        '\u0000',
        '\ud800',
        '1'.repeat(90),
        'eip155:1',
        'exact',
        [],
        {},
        { a: { b: [] } },
      ),
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.jsonValue({ maxDepth: 2 }),
    );
    const change = fc.record({
      spot: fc.constantFrom(...places),
      value: fc.option(junk, { nil: undefined }),
      path: paths,
    });
    await fc.assert(
      fc.asyncProperty(change, ({ spot: [body, place], value, path }) =>
        expectOrdinaryAnswer({ path, payload: JSON.stringify(changed(body, place, value)) }),
      ),
      { numRuns: 400 },
    );
  }, 120_000);
});

type Place = readonly string[];

/** Every place in a JSON value, and one beside each object's fields. */
function placesOf(value: unknown, at: Place = []): Place[] {
  if (typeof value !== 'object' || value === null) return [at];
  return [
    at,
    [...at, 'surprise'],
    ...Object.entries(value).flatMap(([key, field]) => placesOf(field, [...at, key])),
  ];
}

/** A copy with the value at a place replaced, or taken out where it is undefined. */
function changed(
  body: Body | ReturnType<typeof asV1> | unknown,
  [key, ...rest]: Place,
  value: unknown,
): unknown {
  if (key === undefined) return value ?? null;
  const fields = { ...(body as Record<string, unknown>) };
  if (rest.length === 0 && value === undefined) delete fields[key];
  else fields[key] = changed(fields[key], rest, value);
  return fields;
}
