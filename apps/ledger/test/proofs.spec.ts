import { spawnSync } from 'node:child_process';
import { createPublicKey, verify } from 'node:crypto';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { z } from 'zod';

import { paymentSchema } from '../src/payment/payment.schema.js';
import { leafDigest } from '../src/proof/digest.js';
import { isConsistent, rootOfInclusion } from '../src/proof/merkle-tree.js';
import {
  checkpointPage,
  checkpointSchema,
  consistencySchema,
  inclusionSchema,
  keysSchema,
} from '../src/proof/proof.schema.js';
import { transactionPage } from '../src/transaction/transaction.schema.js';
import { PaymentStory } from './payment-events.js';
import { RunningLedger } from './running-ledger.js';

const key = '4b'.repeat(32);
const origin = 'books.example/ledger';

let ledger: RunningLedger;
let story: PaymentStory;
let id: string;

type Proof = z.output<typeof inclusionSchema>;
type FileVerifier = {
  verifyFiles(given: { paths: string[]; keys: string[] }): Promise<{ findings: { what: string }[] }>;
};

beforeAll(async () => {
  ledger = await RunningLedger.start({
    CHECKPOINT_KEY: key,
    CHECKPOINT_ORIGIN: origin,
    CHECKPOINT_SECONDS: '1',
  });
  story = new PaymentStory({ name: 'proven', amount: 2n ** 255n });
  await ledger.transport.publish([story.accepted(), story.submitted(), story.confirmed('us')]);
  await ledger.arrives(story, 'confirmed');
}, 60_000);

afterAll(() => ledger.close(), 30_000);

describe('a payment', () => {
  it('is found by the hash of its transaction, and each of its transactions says where its proof is', async () => {
    await ledger.until('its seal', async () => {
      const path = `/transactions?chain_transaction=${story.transaction(1)}`;
      const { items } = await ledger.read(transactionPage, path);
      return items.length > 0;
    });
    const payment = await ledger.read(paymentSchema, `/payments/${story.paymentId}`);
    expect(payment.transactions.map((one) => one.proof)).toEqual(
      payment.transactions.map((one) => `/proofs/transactions/${one.id}`),
    );
    id = payment.transactions.at(-1)?.id ?? '';
  });

  it('is proven to be in the books as they were signed, from the answer and the key alone', async () => {
    await ledger.until('a checkpoint', async () => {
      const { status, body } = await ledger.get(`/proofs/transactions/${id}`);
      return status === 200 && body['checkpoint'] !== null;
    });
    const proof = await ledger.read(inclusionSchema, `/proofs/transactions/${id}`);
    expect(leafDigest(proof.canonical)).toBe(proof.leaf);
    expect(rootOfInclusion(proof)).toBe(proof.root);
    expect(proof.transaction).toMatchObject({ id, paymentId: story.paymentId });
    expect(proof.canonical).toContain(`\npayment ${story.paymentId}\n`);
    expect(signedRoot(proof)).toBe(proof.root);
  });

  it('is proven by its file alone, as it is saved, with the key', async () => {
    const { verifyFiles } = (await import(
      new URL('../../../infra/verifier/verify.mjs', import.meta.url).href
    )) as FileVerifier;
    const proof = await ledger.read(inclusionSchema, `/proofs/transactions/${id}`);
    const keys = [proof.checkpoint?.verifierKey ?? ''];
    const file = join(mkdtempSync(join(tmpdir(), 'quittance-proof-')), 'proof.json');
    const whats = async (change: object, trusted = keys): Promise<string[]> => {
      writeFileSync(file, JSON.stringify({ ...proof, ...change }));
      return (await verifyFiles({ paths: [file], keys: trusted })).findings.map(({ what }) => what);
    };
    expect(await whats({})).toEqual([]);
    expect(await whats({ transaction: { ...proof.transaction, recordedAt: 'x' } })).toEqual([
      expect.stringMatching(/is not that of its leaf/),
    ]);
    expect(await whats({ transactionId: '1000' })).toEqual([
      expect.stringMatching(/called the proof of transaction 1000/),
    ]);
    expect(await whats({ leaf: '0'.repeat(64) })).not.toEqual([]);
    expect(await whats({ canonical: `${proof.canonical}\n` })).not.toEqual([]);
    expect(await whats({ position: proof.position + 1 })).not.toEqual([]);
    expect(await whats({ path: proof.path.slice(1) })).toEqual([expect.stringMatching(/does not lead/)]);
    expect(await whats({ size: proof.size + 1 })).not.toEqual([]);
    expect(await whats({ root: '0'.repeat(64) })).not.toEqual([]);
    expect(await whats({ checkpoint: null })).toEqual([expect.stringMatching(/not signed yet/)]);
    const later = await ledger.read(inclusionSchema, `/proofs/transactions/${id}?size=${proof.position + 1}`);
    expect(await whats({ checkpoint: { ...proof.checkpoint, note: 'x' } })).not.toEqual([]);
    expect(await whats({ ...later, checkpoint: proof.checkpoint })).toEqual(
      proof.size === later.size ? [] : [expect.stringMatching(/of another tree/)],
    );
    expect(await whats({}, [])).toEqual([expect.stringMatching(/no key was given/), expect.anything()]);
    // As a command by a link, too, which must not end well without having looked.
    const link = join(dirname(file), 'verify.mjs');
    symlinkSync(fileURLToPath(new URL('../../../infra/verifier/verify.mjs', import.meta.url)), link);
    await whats({});
    const asked = (trusted: string) =>
      spawnSync(process.execPath, [link, '--key', trusted, file], { encoding: 'utf8' });
    expect([asked(keys[0] ?? '').status, asked('none').status]).toEqual([0, 1]);
    // It says of what it is the proof: another transaction's is right as well, and proves nothing of this one.
    const { stdout } = asked(keys[0] ?? '');
    for (const told of [
      story.paymentId,
      ...proof.transaction.entries.map(({ account, layer, amount }) => `${account} ${layer} ${amount}`),
    ])
      expect(stdout).toContain(told);
    expect(asked('none').stdout).not.toContain('PROVEN');
    rmSync(dirname(file), { recursive: true });
  });

  it('is proven in any tree that it was in, and in none that it was not', async () => {
    const { position, size } = await ledger.read(inclusionSchema, `/proofs/transactions/${id}`);
    for (let of = position + 1; of <= size; of += 1) {
      const proof = await ledger.read(inclusionSchema, `/proofs/transactions/${id}?size=${of}`);
      expect(rootOfInclusion(proof)).toBe(proof.root);
    }
    for (const wrong of [position, size + 1_000])
      expect(await ledger.get(`/proofs/transactions/${id}?size=${wrong}`)).toMatchObject({
        status: 400,
        body: { code: 'invalid_request', detail: expect.stringContaining('"size"') },
      });
  });
});

/** The root that the checkpoint of a proof was signed for: with Node's own functions, as anybody would. */
function signedRoot({ checkpoint, size }: Proof): string {
  if (checkpoint === null) return '';
  const [name, , encoded = ''] = checkpoint.verifierKey.split('+');
  const x = Buffer.from(encoded, 'base64').subarray(1).toString('base64url');
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  const [text = '', line = ''] = checkpoint.note.split('\n\n');
  const signature = Buffer.from(line.trim().split(' ')[2] ?? '', 'base64').subarray(4);
  expect(verify(null, Buffer.from(`${text}\n`), publicKey, signature)).toBe(true);
  const [of, count, root = ''] = text.split('\n');
  expect([of, count]).toEqual([name, String(size)]);
  expect(of).toBe(origin);
  return Buffer.from(root, 'base64').toString('hex');
}

describe('later books', () => {
  it('are proven to begin with the earlier ones, between every two checkpoints', async () => {
    const before = await ledger.read(checkpointSchema, '/proofs/checkpoints/latest');
    const next = new PaymentStory({ name: 'later', amount: 7n });
    await ledger.transport.publish([next.accepted()]);
    await ledger.until('a later checkpoint', async () => {
      const latest = await ledger.read(checkpointSchema, '/proofs/checkpoints/latest');
      return latest.size > before.size;
    });
    const { items } = await ledger.read(checkpointPage, '/proofs/checkpoints?limit=1000');
    expect(items.length).toBeGreaterThan(1);
    for (const from of items)
      for (const to of items.filter(({ size }) => size >= from.size)) {
        const proof = await ledger.read(
          consistencySchema,
          `/proofs/consistency?from=${from.size}&to=${to.size}`,
        );
        expect(isConsistent(proof)).toBe(true);
        expect(from.note).toContain(Buffer.from(proof.fromRoot, 'hex').toString('base64'));
        expect(to.note).toContain(Buffer.from(proof.toRoot, 'hex').toString('base64'));
      }
  });

  it('are signed by keys that are told', async () => {
    const { items } = await ledger.read(keysSchema, '/proofs/keys');
    const { verifierKey } = await ledger.read(checkpointSchema, '/proofs/checkpoints/latest');
    expect(items.map((one) => one.verifierKey)).toEqual([verifierKey]);
    expect(verifierKey).not.toContain(key);
  });

  it('come in pages', async () => {
    const first = await ledger.read(checkpointPage, '/proofs/checkpoints?limit=1');
    const second = await ledger.read(
      checkpointPage,
      `/proofs/checkpoints?limit=1&cursor=${first.nextCursor}`,
    );
    expect(second.items[0]?.size).toBeGreaterThan(first.items[0]?.size ?? 0);
  });
});

describe('files for the offline verifier', () => {
  it('hold every seal and every checkpoint, one a line', async () => {
    const lines = async (path: string): Promise<Record<string, unknown>[]> => {
      const response = await fetch(`${ledger.service.url}${path}`);
      expect(response.headers.get('content-type')).toBe('application/x-ndjson');
      const text = await response.text();
      return text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    };
    const { items } = await ledger.read(checkpointPage, '/proofs/checkpoints?limit=1000');
    const checkpoints = await lines('/proofs/checkpoints.jsonl');
    expect(checkpoints.slice(0, items.length)).toEqual(items.map(({ size, note }) => ({ size, note })));
    expect((await lines('/proofs/seals.jsonl'))[0]).toMatchObject({
      firstPosition: 0,
      size: expect.any(Number),
    });
  });
});

describe('what cannot be proven', () => {
  it.each([
    ['/proofs/transactions/999999999', 404, 'not_found'],
    ['/proofs/transactions/0x', 400, 'invalid_request'],
    ['/proofs/transactions/1?size=-1', 400, 'invalid_request'],
    ['/proofs/consistency', 400, 'invalid_request'],
    ['/proofs/consistency?from=2&to=1', 400, 'invalid_request'],
    ['/proofs/consistency?from=1&to=99999999', 400, 'invalid_request'],
  ])('is refused by name: %s', async (path, status, code) => {
    expect(await ledger.get(path)).toMatchObject({ status, body: { code } });
  });

  it('is said when the books were altered', async () => {
    const [row] = await ledger.asSuperuser(
      `SELECT transaction_id AS id FROM ledger.leaf ORDER BY position LIMIT 1`,
      [],
    );
    const flip = (by: number): Promise<unknown> =>
      ledger.asSuperuser(
        `SET session_replication_role = replica; UPDATE ledger.entry SET amount = amount + ${by} WHERE transaction_id = ${row?.['id']} AND line = 1`,
        [],
      );
    await flip(1);
    expect(await ledger.get(`/proofs/transactions/${row?.['id']}`)).toMatchObject({
      status: 500,
      body: { code: 'books_altered' },
    });
    await flip(-1);
    expect((await ledger.get(`/proofs/transactions/${row?.['id']}`)).status).toBe(200);
  });
});

describe('the figures', () => {
  it('tell how large the tree is, and how far it is signed', async () => {
    const { body } = await ledger.get('/metrics');
    expect(body['text']).toMatch(/quittance_ledger_sealed_size\{service="ledger"\} [1-9]/);
    expect(body['text']).toMatch(/quittance_ledger_checkpoint_size\{service="ledger"\} [1-9]/);
    expect(body['text']).toMatch(/quittance_ledger_unsealed_age_seconds\{service="ledger"\} \d/);
    expect(body['text']).toMatch(/quittance_ledger_sealed_total\{service="ledger"\} [1-9]/);
  });
});
