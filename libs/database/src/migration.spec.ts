import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@quittance/embedded';
import pg from 'pg';

import {
  Database,
  DatabaseUnavailableError,
  migrate,
  MigrationError,
  Prisma,
  ServicePasswordError,
  setServicePasswords,
} from './index.js';

let server: EmbeddedPostgres;
let adminUrl: string;
let directory: string;
let databases = 0;

const ours = new URL('../../../prisma/migrations/', import.meta.url);
const services = ['facilitator', 'settlement', 'ledger'] as const;

beforeAll(async () => {
  server = await startEmbeddedPostgres();
  directory = mkdtempSync(join(tmpdir(), 'migrations-'));
}, 60_000);

afterAll(async () => {
  rmSync(directory, { recursive: true });
  await server.stop();
}, 30_000);

beforeEach(async () => {
  databases += 1;
  adminUrl = await server.database(`spec_${databases}`);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
});

function script(name: string, text: string): void {
  mkdirSync(join(directory, name), { recursive: true });
  writeFileSync(join(directory, name, 'migration.sql'), text);
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

const functionScript = `
  CREATE TABLE one (id int);
  CREATE FUNCTION two() RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM 1; RETURN 2; END; $$;`;

describe('migrate', () => {
  it('applies whole scripts in order of name, once', async () => {
    script('2_b', 'ALTER TABLE one ADD COLUMN b int; INSERT INTO one VALUES (two(), 3);');
    script('1_a', functionScript);
    const steps: string[] = [];
    expect(await migrate({ adminUrl, directory, onStep: (name) => steps.push(name) })).toEqual([
      '1_a',
      '2_b',
    ]);
    expect(steps).toEqual(['1_a', '2_b']);
    expect(await query(adminUrl, 'SELECT id, b FROM one')).toEqual([{ id: 2, b: 3 }]);
    expect(await migrate({ adminUrl, directory })).toEqual([]);
  });

  it('writes the rows that prisma migrate would', async () => {
    script('1_a', functionScript);
    await migrate({ adminUrl, directory });
    const [row] = await query(adminUrl, 'SELECT * FROM _prisma_migrations');
    expect(row).toMatchObject({
      migration_name: '1_a',
      checksum: expect.stringMatching(/^[0-9a-f]{64}$/),
      finished_at: expect.any(Date),
      rolled_back_at: null,
      applied_steps_count: 1,
    });
  });

  it('refuses a migration that changed after it was applied, and names it', async () => {
    script('1_a', functionScript);
    await migrate({ adminUrl, directory });
    script('1_a', `${functionScript} -- improved`);
    script('2_b', 'CREATE TABLE three ()');
    await expect(migrate({ adminUrl, directory })).rejects.toMatchObject({
      code: 'migration_changed',
      migration: '1_a',
    });
    expect(await query(adminUrl, "SELECT to_regclass('three') AS three")).toEqual([{ three: null }]);
  });

  it('leaves nothing behind of one that fails, and applies it once it is mended', async () => {
    script('1_a', 'CREATE TABLE half (); SELECT no_such_function();');
    const failed = migrate({ adminUrl, directory });
    await expect(failed).rejects.toBeInstanceOf(MigrationError);
    await expect(failed).rejects.toMatchObject({ code: 'migration_failed', migration: '1_a' });
    expect(await query(adminUrl, "SELECT to_regclass('half') AS half")).toEqual([{ half: null }]);
    script('1_a', 'CREATE TABLE half ();');
    expect(await migrate({ adminUrl, directory })).toEqual(['1_a']);
  });

  it('stops at one that prisma migrate left unfinished', async () => {
    script('1_a', functionScript);
    await migrate({ adminUrl, directory });
    await query(adminUrl, 'UPDATE _prisma_migrations SET finished_at = NULL');
    await expect(migrate({ adminUrl, directory })).rejects.toMatchObject({
      code: 'migration_unfinished',
      migration: '1_a',
    });
  });

  it('applies each once when several start together', async () => {
    script('1_a', functionScript);
    const runs = await Promise.all([1, 2, 3].map(() => migrate({ adminUrl, directory })));
    expect(runs.flat()).toEqual(['1_a']);
  });

  it('says unavailable where nothing listens', async () => {
    await expect(migrate({ adminUrl: 'postgresql://a:b@127.0.0.1:1/c', directory })).rejects.toBeInstanceOf(
      DatabaseUnavailableError,
    );
  });
});

describe('the roles and schemas', () => {
  beforeEach(async () => {
    const first = '20261120000001_roles_and_schemas';
    cpSync(new URL(first, ours), join(directory, first), { recursive: true });
    await migrate({ adminUrl, directory });
    await setServicePasswords({
      adminUrl,
      passwords: { facilitator: "it's", settlement: 'se\\ttle', ledger: 'led ger' },
    });
  });

  const urlFor = (service: string, password: string): string => {
    const url = new URL(adminUrl);
    url.username = `quittance_${service}`;
    url.password = encodeURIComponent(password);
    return url.href;
  };

  it('let each service log in with its password only', async () => {
    const who = 'SELECT current_user AS who';
    expect(await query(urlFor('facilitator', "it's"), who)).toEqual([{ who: 'quittance_facilitator' }]);
    expect(await query(urlFor('settlement', 'se\\ttle'), who)).toEqual([{ who: 'quittance_settlement' }]);
    expect(await query(urlFor('ledger', 'led ger'), who)).toEqual([{ who: 'quittance_ledger' }]);
    await expect(query(urlFor('ledger', "it's"), who)).rejects.toMatchObject({ code: '28P01' });
  });

  it.each(services)('keep the other schemas shut to a service: %s', async (service) => {
    await query(
      adminUrl,
      'CREATE TABLE facilitator.t (); CREATE TABLE settlement.t (); CREATE TABLE ledger.t ();',
    );
    const url = urlFor(service, { facilitator: "it's", settlement: 'se\\ttle', ledger: 'led ger' }[service]);
    for (const schema of [...services, 'events', 'public']) {
      await expect(query(url, `CREATE TABLE ${schema}.mine ()`)).rejects.toMatchObject({ code: '42501' });
      if (schema === 'events' || schema === 'public') continue;
      await expect(query(url, `SELECT FROM ${schema}.t`)).rejects.toMatchObject({ code: '42501' });
    }
    await expect(query(url, 'CREATE TEMP TABLE mine ()')).rejects.toMatchObject({ code: '42501' });
    await expect(query(url, 'SELECT FROM public._prisma_migrations')).rejects.toMatchObject({
      code: '42501',
    });
    const others = services.filter((other) => other !== service);
    for (const other of others) {
      await expect(query(url, `SET ROLE quittance_${other}`)).rejects.toMatchObject({ code: '42501' });
    }
  });

  it('can be made in many databases of one server at the same time', async () => {
    const urls = await Promise.all([1, 2, 3, 4].map((n) => server.database(`together_${n}`)));
    await Promise.all(urls.map((url) => migrate({ adminUrl: url, directory })));
    const passwords = { facilitator: 'a', settlement: 'b', ledger: 'c' };
    await Promise.all(urls.map((url) => setServicePasswords({ adminUrl: url, passwords })));
    expect(await query(urlFor('ledger', 'c'), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it.each(['', 'snow☃', 'line\nbreak'])(
    'take no password that clients might spell differently: %j',
    async (ledger) => {
      await expect(setServicePasswords({ adminUrl, passwords: { ledger } })).rejects.toBeInstanceOf(
        ServicePasswordError,
      );
    },
  );
});

describe('the Prisma schema', () => {
  it('finds every model as the migrations made it', async () => {
    await migrate({ adminUrl });
    const database = Database.connect({ url: adminUrl, applicationName: 'models-spec' });
    const models = Object.values(Prisma.ModelName);
    expect(models).toContain('LedgerEntry');
    for (const model of models) {
      const name = `${model.charAt(0).toLowerCase()}${model.slice(1)}` as 'ledgerEntry';
      await expect(database.prisma[name].findFirst()).resolves.not.toBeUndefined();
    }
    await database.close();
  });
});

describe('the command line', () => {
  const cli = new URL('../dist/migrate.cli.js', import.meta.url);
  const run = (environment: Record<string, string>): Promise<{ stdout: string; stderr: string }> =>
    promisify(execFile)(process.execPath, [cli.pathname], {
      env: { ...environment, PATH: process.env['PATH'] ?? '' },
    });

  it('migrates and sets the passwords that are given', async () => {
    const result = await run({ DATABASE_ADMIN_URL: adminUrl, LEDGER_DATABASE_PASSWORD: 'from-cli' });
    expect(result.stdout).toContain('applied 20261120000001_roles_and_schemas');
    const url = new URL(adminUrl);
    url.username = 'quittance_ledger';
    url.password = 'from-cli';
    expect(await query(url.href, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect((await run({ DATABASE_ADMIN_URL: adminUrl })).stdout).toBe('nothing to apply\n');
  });

  it('says which setting is missing', async () => {
    await expect(run({})).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('DATABASE_ADMIN_URL'),
    });
  });
});
