import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Sql } from '@quittance/database';

import { journalLine } from '../src/proof/sealed-transaction.js';
import { ProofFilesRepository } from '../src/proof/proof-files.repository.js';
import { readLeaves } from '../src/proof/sealed-transaction.repository.js';
import { verifyBooks } from '../src/proof/verification.repository.js';
import { Chance, Tamperer } from './tampering.js';
import { SealedBooks } from './sealed-books.js';

type Finding = { readonly where: string; readonly what: string };
type FileVerifier = {
  verifyFiles(given: { paths: string[]; keys: string[]; notes?: string[] }): Promise<{
    findings: Finding[];
    counts: Record<string, number>;
    size: number;
  }>;
};

/** Others for a longer run: `TAMPER_SEED=… TAMPER_TRIALS=10000 npx nx test ledger`. */
const seed = Number(process.env['TAMPER_SEED'] ?? 20_261_127);
const trials = Number(process.env['TAMPER_TRIALS'] ?? 1_000);
const fileTrials = Math.trunc(trials / 2);

let books: SealedBooks;
let folder: string;
let verifier: FileVerifier;
let files: Record<'journal.jsonl' | 'seals.jsonl' | 'checkpoints.jsonl', string[]>;

const names = new Map<string, string>();

/** What is asked a thousand times is planned once. */
const asSuperuser: Sql = async <Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> => {
  const name = names.get(text) ?? `verify_${names.size}`;
  names.set(text, name);
  return (await books.superuser.query({ name, text, values: [...values] })).rows as Row[];
};

beforeAll(async () => {
  books = await SealedBooks.start({ sealedMax: 17 });
  for (let round = 0; round < 6; round += 1) {
    await books.post(9);
    await books.sealAll();
    await books.checkpoints.sign();
  }
  await books.superuser.query('ANALYZE');
  folder = mkdtempSync(join(tmpdir(), 'quittance-verifier-'));
  verifier = (await import(
    new URL('../../../infra/verifier/verify.mjs', import.meta.url).href
  )) as FileVerifier;
  files = await exported();
}, 60_000);

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await books.close();
});

const linesOf = async (pieces: AsyncGenerator<string>): Promise<string[]> => {
  let text = '';
  for await (const piece of pieces) text += piece;
  return text.trimEnd().split('\n');
};

async function exported(): Promise<typeof files> {
  const leaves = await readLeaves(books.database.sql, 0, await books.size());
  const proofs = new ProofFilesRepository(books.database);
  return {
    'journal.jsonl': leaves.flatMap(({ position, leaf, transaction }) =>
      transaction === null ? [] : [journalLine({ position, leaf, transaction })],
    ),
    'seals.jsonl': await linesOf(proofs.seals()),
    'checkpoints.jsonl': await linesOf(proofs.checkpoints()),
  };
}

async function verified(given: typeof files): Promise<Finding[]> {
  for (const [name, lines] of Object.entries(given))
    writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
  const { findings } = await verifier.verifyFiles({ paths: [folder], keys: [books.signer.verifierKey] });
  return findings;
}

describe(`books that nobody tampered with (seed ${seed})`, () => {
  it('are found right, in the database and in the files', async () => {
    const trustedKeys = [books.signer.verifierKey];
    const found = await verifyBooks(asSuperuser, { trustedKeys });
    expect(found).toMatchObject({ leaves: await books.size(), checkpoints: 6, discrepancies: [] });
    expect(found.seals).toBeGreaterThan(15);
    expect(await verified(files)).toEqual([]);
  });

  it('are not trusted when another key signed them', async () => {
    const { discrepancies } = await verifyBooks(asSuperuser, { trustedKeys: ['other+00000000+AAAA'] });
    expect(new Set(discrepancies.map(({ kind }) => kind))).toEqual(new Set(['checkpoint_altered']));
  });
});

describe(`tampering as superuser in the database (seed ${seed})`, () => {
  it(`is located, ${trials - fileTrials} times of ${trials - fileTrials}`, async () => {
    const tamperer = new Tamperer(books.superuser, new Chance(seed));
    const missed: string[] = [];
    for (let trial = 0; trial < trials - fileTrials; trial += 1) {
      await books.superuser.query('BEGIN');
      await books.superuser.query('SET LOCAL session_replication_role = replica');
      const { what, isLocated } = await tamperer.act();
      const { discrepancies } = await verifyBooks(asSuperuser, { trustedKeys: [books.signer.verifierKey] });
      if (!discrepancies.some(isLocated))
        missed.push(`${what}: ${discrepancies.map(({ kind, place }) => `${kind} ${place}`).join(', ')}`);
      await books.superuser.query('ROLLBACK');
    }
    expect(missed).toEqual([]);
  });
});

describe(`tampering with exported files (seed ${seed})`, () => {
  const tampered = [
    'journal.jsonl',
    'journal.jsonl',
    'journal.jsonl',
    'seals.jsonl',
    'checkpoints.jsonl',
  ] as const;

  /** A byte flipped, a line dropped, two lines exchanged; and the lines by which it is to be named. */
  function tamper(chance: Chance): {
    what: string;
    given: typeof files;
    isLocated: (found: Finding) => boolean;
  } {
    const name = chance.of(tampered);
    const lines = [...files[name]];
    const place = chance.below(lines.length);
    const line = lines[place] ?? '';
    const named =
      (...places: readonly number[]) =>
      ({ where }: Finding): boolean =>
        places.some((one) => where === `${name}:${one + 1}`);
    const given = { ...files, [name]: lines };
    const kind = chance.below(3);
    if (kind === 0) {
      const at = chance.below(line.length);
      const flipped = String.fromCharCode(line.charCodeAt(at) ^ (1 << chance.below(7)));
      lines[place] = line.slice(0, at) + flipped + line.slice(at + 1);
      const isLocated = name === 'seals.jsonl' ? ofStretch(line) : named(place, place + 1);
      return { what: `${name}:${place + 1} has ${flipped} at ${at}`, given, isLocated };
    }
    if (kind === 1) {
      lines.splice(place, 1);
      // Of what is cut off at the end, the next to name it is what goes on longer.
      const isLast = place === lines.length;
      const isLocated = isLast ? (): boolean => true : named(place, place - 1);
      return {
        what: `${name}:${place + 1} dropped`,
        given,
        isLocated: name === 'journal.jsonl' ? isLocated : ofAny,
      };
    }
    const other = (place + 1 + chance.below(lines.length - 1)) % lines.length;
    [lines[place], lines[other]] = [lines[other] ?? '', line];
    return {
      what: `${name}:${place + 1} and ${other + 1} exchanged`,
      given,
      isLocated: named(place, other, place + 1, other + 1),
    };
  }

  /** A seal is named itself, or by the checkpoint that it was signed with. */
  const ofStretch =
    (line: string) =>
    ({ where, what }: Finding): boolean => {
      const { size } = JSON.parse(line) as { size: number };
      const next = files['checkpoints.jsonl'].findIndex(
        (one) => (JSON.parse(one) as { size: number }).size >= size,
      );
      const place = files['seals.jsonl'].indexOf(line);
      return (
        where === `checkpoints.jsonl:${next + 1}` ||
        [place + 1, place + 2].some((one) => where === `seals.jsonl:${one}`) ||
        what.includes(String(size))
      );
    };
  const ofAny = (): boolean => true;

  it(`is located, ${fileTrials} times of ${fileTrials}`, async () => {
    const chance = new Chance(seed + 1);
    const missed: string[] = [];
    let undone = 0;
    for (let trial = 0; trial < fileTrials; trial += 1) {
      const { what, given, isLocated } = tamper(chance);
      const findings = await verified(given);
      // Of checkpoints none is needed: whoever has one holds it against the books.
      if (findings.length === 0 && /^checkpoints.* dropped$/.test(what)) undone += 1;
      else if (!findings.some(isLocated))
        missed.push(`${what}: ${findings.map((one) => `${one.where} ${one.what}`).join('; ')}`);
    }
    expect(missed).toEqual([]);
    expect(undone).toBeLessThan(fileTrials / 10);
  });
});
