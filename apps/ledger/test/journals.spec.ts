import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '@quittance/database';

import { journalPage, journalSchema } from '../src/journal/journal.schema.js';
import { openApiDocument } from '../src/openapi.js';
import { SealingRepository } from '../src/proof/sealing.repository.js';
import { transactionPage } from '../src/transaction/transaction.schema.js';
import { asset, PaymentStory } from './payment-events.js';
import { accessTokens, correction, Office, payerOf, tokenOf, transit } from './people.js';
import { RunningLedger } from './running-ledger.js';

/** Who may what with the books, that writes are done once, and journals by hand. */

let ledger: RunningLedger;
let database: Database;
let office: Office;

const paid = new PaymentStory({ name: 'paid', amount: 1_000_000n });
const payer = payerOf(paid);

beforeAll(async () => {
  ledger = await RunningLedger.start({ ACCESS_TOKENS: accessTokens });
  database = Database.connect({ url: ledger.server.serviceUrls.ledger, applicationName: 'journals-spec' });
  office = new Office(ledger);
  await office.told(paid, ['accepted', 'submitted', 'confirmed']);
}, 60_000);

afterAll(async () => {
  await database.close();
  await ledger.close();
}, 30_000);

async function sealed(): Promise<void> {
  const sealing = new SealingRepository(database);
  await ledger.until('the seal', async () => (await sealing.seal()).outcome === 'nothing');
}

describe('who may what', () => {
  const document = openApiDocument() as { paths: Record<string, Record<string, unknown>> };
  const open = ['/health/live', '/health/ready', '/metrics'];
  const filled = (path: string): string => path.replace(/\{[^}]+\}/g, '1');
  const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({ method, path: filled(path), isOpen: open.includes(path) })),
  );

  it('is asked on every route but those of probes', async () => {
    for (const { method, path, isOpen } of routes) {
      const answer = method === 'get' ? await ledger.get(path) : await ledger.post(path);
      const { status, headers } = answer;
      expect([method, path, status]).toEqual([method, path, isOpen ? 200 : 401]);
      if (!isOpen) expect(headers.get('www-authenticate')).toBe('Bearer');
    }
  });

  it('lets somebody who may only look write nothing', async () => {
    for (const { method, path } of routes) {
      if (method === 'get') continue;
      const answer = await office.post('vera', path, { body: {} });
      expect([path, answer.status, answer.body['code']]).toEqual([path, 403, 'forbidden']);
    }
  });

  it('is told by name', async () => {
    expect(await office.post('vera', '/journals', { body: {} })).toMatchObject({
      status: 403,
      body: { detail: 'This needs the role operator; "vera" has viewer. Ask somebody who has it.' },
    });
    expect(await ledger.get('/accounts', 'the-token-of-nobody')).toMatchObject({
      status: 401,
      body: { detail: expect.stringContaining('not one of ACCESS_TOKENS') },
    });
    expect(await office.get('otto', '/checks')).toMatchObject({ status: 200 });
    expect(await office.get('vera', '/checks')).toMatchObject({ status: 403 });
  });
});

describe('the access log', () => {
  it('has who read what, and how it was answered', async () => {
    await office.get('vera', `/payments/${paid.paymentId}?who=${'x'.repeat(600)}`);
    await office.get('otto', `/payments/${paid.paymentId}`);
    const read = `/payments/${paid.paymentId}`;
    let rows: Record<string, unknown>[] = [];
    await ledger.until('the log', async () => {
      rows = await ledger.asSuperuser(
        `SELECT actor, status, length(request) AS length FROM ledger.access_log
          WHERE request LIKE $1 || '%' AND at > now() - interval '1 minute' ORDER BY id DESC LIMIT 2`,
        [read],
      );
      return rows[0]?.['actor'] === 'otto';
    });
    expect(rows).toEqual([
      { actor: 'otto', status: 200, length: read.length },
      { actor: 'vera', status: 200, length: 500 },
    ]);
  });
});

describe('a write', () => {
  it('needs a key', async () => {
    const answer = await ledger.post('/journals', {
      token: tokenOf('ada'),
      body: correction(paid),
      key: null,
    });
    expect(answer).toMatchObject({ status: 400, body: { code: 'idempotency_key_missing' } });
  });

  it('is done once for a key, and answered each time the same', async () => {
    const key = randomUUID();
    const [one, two] = await Promise.all([
      office.post('ada', '/journals', { body: correction(paid), key }),
      office.post('ada', '/journals', { body: correction(paid), key }),
    ]);
    const again = await office.post('ada', '/journals', {
      body: Object.fromEntries(Object.entries(correction(paid)).reverse()),
      key,
    });
    expect([one.status, two.status, again.status]).toEqual([201, 201, 201]);
    expect(two.body).toEqual(one.body);
    expect(again.body).toEqual(one.body);
    const replays = [one, two, again].map(({ headers }) => headers.get('idempotency-replayed'));
    expect(replays.filter((replay) => replay === 'true')).toHaveLength(2);
    expect(
      await office.post('ada', '/journals', { body: correction(paid, { reason: 'something else' }), key }),
    ).toMatchObject({
      status: 422,
      body: { code: 'idempotency_key_reused' },
    });
    // Somebody else's key is another one.
    expect((await office.post('ben', '/journals', { body: correction(paid), key })).body['id']).not.toBe(
      one.body['id'],
    );
  });

  it('that was refused may be tried again with its key', async () => {
    const key = randomUUID();
    const { id } = await office.drafted('ada', paid);
    expect(
      await office.post('ada', `/journals/${id}/approve`, { body: { reason: 'it is mine' }, key }),
    ).toMatchObject({
      status: 403,
    });
    expect(
      await office.post('ada', `/journals/${id}/approve`, { body: { reason: 'it is mine' }, key }),
    ).toMatchObject({
      status: 403,
    });
    expect(
      await office.post('ada', `/journals/${id}/withdraw`, { body: { reason: 'not needed' }, key }),
    ).toMatchObject({
      status: 200,
    });
  });
});

describe('a journal by hand', () => {
  it('is drafted by one and posted by another, and nothing is posted before', async () => {
    const draft = await office.drafted('ada', paid, { paymentId: paid.paymentId });
    expect(draft).toMatchObject({ state: 'draft', author: 'ada', decision: null, transactionId: null });
    expect(
      await office.post('ada', `/journals/${draft.id}/approve`, { body: { reason: 'fine' } }),
    ).toMatchObject({
      status: 403,
      body: { code: 'own_journal' },
    });
    const posted = await office.did('ben', journalSchema, {
      path: `/journals/${draft.id}/approve`,
      body: { reason: 'fine' },
    });
    expect(posted).toMatchObject({
      state: 'posted',
      decision: { actor: 'ben', verdict: 'approved', reason: 'fine' },
    });
    await sealed();
    const { items } = await office.read(
      'vera',
      transactionPage,
      `/transactions?payment_id=${paid.paymentId}`,
    );
    const transaction = items.find(({ id }) => id === posted.transactionId);
    expect(transaction).toMatchObject({
      event: 'journal.manual',
      sourceEventId: draft.id,
      effectiveAt: '2026-11-20T13:00:00.000Z',
    });
    expect(transaction?.entries.map(({ account, amount }) => `${account} ${amount}`)).toEqual([
      `${payer} -5`,
      `${transit} 5`,
    ]);
    expect(
      await office.post('ben', `/journals/${draft.id}/reject`, { body: { reason: 'after all' } }),
    ).toMatchObject({
      status: 409,
      body: { code: 'journal_decided' },
    });
    // What was corrected is made good by the mirror, once.
    const reversal = {
      transactionId: posted.transactionId,
      effectiveAt: '2026-11-20T14:00:00Z',
      reason: 'it was right before',
    };
    const mirror = await office.did('ben', journalSchema, { path: '/journals/reversals', body: reversal });
    const second = await office.did('ben', journalSchema, { path: '/journals/reversals', body: reversal });
    expect(mirror.lines.map(({ amount }) => amount)).toEqual(['5', '-5']);
    await office.did('ada', journalSchema, {
      path: `/journals/${mirror.id}/approve`,
      body: { reason: 'agreed' },
    });
    for (const answer of [
      await office.post('ada', `/journals/${second.id}/approve`, { body: { reason: 'agreed' } }),
      await office.post('ben', '/journals/reversals', { body: reversal }),
    ])
      expect(answer).toMatchObject({ status: 409, body: { code: 'already_reversed' } });
    await office.did('ada', journalSchema, {
      path: `/journals/${second.id}/reject`,
      body: { reason: 'a second one' },
    });
  });

  it('is listed with what became of it', async () => {
    const { id } = await office.drafted('ada', paid);
    await office.did('ben', journalSchema, {
      path: `/journals/${id}/reject`,
      body: { reason: 'no reason for it' },
    });
    expect((await office.read('vera', journalPage, '/journals?state=rejected&limit=1')).items).toMatchObject([
      { id, state: 'rejected' },
    ]);
    const all = (await office.read('vera', journalPage, '/journals')).items;
    const first = await office.read('vera', journalPage, '/journals?limit=2');
    const rest = await office.read('vera', journalPage, `/journals?cursor=${first.nextCursor}`);
    expect([...first.items, ...rest.items]).toEqual(all);
  });

  const line = { account: transit, asset, layer: 'settled', amount: '5' };
  it.each([
    [{ lines: [line, { ...line, account: payer, amount: '-4' }] }, 422, /come to 1 and not to 0/],
    [
      { lines: [line, { ...line, account: 'F:pocket:eip155:1', amount: '-5' }] },
      422,
      /no account "F:pocket:eip155:1" in the chart; there are F:payer:\{chain\}:\{address\}, F:merchant/,
    ],
    [
      { lines: [line, { ...line, account: 'F:suspense:eip155:1', amount: '-5' }] },
      422,
      /in the chart; there are F:suspense:token-fee:\{chain\}\.$/,
    ],
    [{ lines: [line, line] }, 422, /two lines/],
    [{ book: 'G' }, 422, /not of book G/],
    [{ effectiveAt: '2999-01-01T00:00:00Z' }, 422, /in the future/],
    [{ lines: [line] }, 400, /"lines": must have two lines at least/],
    [{ lines: [line, { ...line, amount: '-5.0' }] }, 400, /"lines.1.amount": must be a whole number/],
    [{ lines: [line, { ...line, amount: -5 }] }, 400, /"lines.1.amount"/],
    [{ reason: ' ' }, 400, /"reason": must say why/],
    [{ currency: 'USD' }, 400, /no field "currency"; there are book, effectiveAt/],
  ])('is refused with %j', async (changes, status, detail) => {
    expect(await office.post('ada', '/journals', { body: correction(paid, changes) })).toMatchObject({
      status,
      body: { detail: expect.stringMatching(detail) },
    });
  });
});

describe('without tokens', () => {
  it('reads are open, and nothing is written', async () => {
    const open = await RunningLedger.start();
    try {
      expect(await open.get('/accounts')).toMatchObject({ status: 200 });
      expect(await open.get('/journals')).toMatchObject({ status: 200 });
      expect(await open.post('/journals', { body: correction(paid) })).toMatchObject({
        status: 403,
        body: { code: 'access_not_configured', detail: expect.stringContaining('Set ACCESS_TOKENS') },
      });
    } finally {
      await open.close();
    }
  }, 30_000);
});
