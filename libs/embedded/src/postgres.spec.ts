import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';

import { startEmbeddedPostgres } from './postgres.js';
import { endProcess, isRunning, waitForEnd } from './running-process.js';

const folders: string[] = [];

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'quittance-spec-'));
  folders.push(path);
  return path;
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

afterAll(() => {
  for (const path of folders) rmSync(path, { recursive: true, force: true });
});

describe('startEmbeddedPostgres', () => {
  it('starts Postgres 18 in UTF-8 with the C locale, and leaves nothing behind when it is temporary', async () => {
    const server = await startEmbeddedPostgres();
    const [row] = await query(
      server.adminUrl,
      `SELECT current_setting('server_version_num')::int / 10000 AS major, current_setting('server_encoding') AS encoding,
              current_setting('data_directory') AS directory,
              (SELECT datcollate FROM pg_database WHERE datname = 'postgres') AS collation`,
    );
    expect(row).toMatchObject({ major: 18, encoding: 'UTF8', collation: 'C' });
    const { pid } = server;
    await server.stop();
    expect(isRunning(pid)).toBe(false);
    expect(existsSync(String(row?.['directory']))).toBe(false);
  });

  it('keeps data, password and port over a restart, and takes over from a server that a killed run left', async () => {
    const directory = folder();
    const first = await startEmbeddedPostgres({ directory });
    const url = await first.database('quittance');
    await query(url, 'CREATE TABLE kept AS SELECT 7 AS number');
    const second = await startEmbeddedPostgres({ directory });
    expect(second.port).toBe(first.port);
    expect(await query(url, 'SELECT number FROM kept')).toEqual([{ number: 7 }]);
    await second.stop();
    await first.stop();
  });

  it('recovers after its postmaster was killed, though the lock file is still there', async () => {
    const directory = folder();
    const first = await startEmbeddedPostgres({ directory });
    await query(first.adminUrl, 'CREATE TABLE kept AS SELECT 7 AS number');
    await endProcess(first.pid, []);
    expect(existsSync(join(directory, 'data', 'postmaster.pid'))).toBe(true);
    const second = await startEmbeddedPostgres({ directory });
    expect(await query(second.adminUrl, 'SELECT number FROM kept')).toEqual([{ number: 7 }]);
    await second.stop();
    await first.stop();
  });

  it('comes back on the same port after a crash', async () => {
    const server = await startEmbeddedPostgres();
    await query(server.adminUrl, 'CREATE TABLE kept AS SELECT 7 AS number');
    await server.stopServer('immediate');
    await expect(query(server.adminUrl, 'SELECT 1')).rejects.toThrow(/ECONNREFUSED|ENOENT/);
    await server.startServer();
    expect(await query(server.adminUrl, 'SELECT number FROM kept')).toEqual([{ number: 7 }]);
    await server.stop();
  });

  it('says so when the port asked for is taken', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as { port: number };
    await expect(startEmbeddedPostgres({ port })).rejects.toThrow(
      `postgres did not start: port ${port} is taken`,
    );
    holder.close();
  });

  it('ends, and removes temporary data, when the process that started it is killed', async () => {
    const directory = folder();
    const script = `
      import { startEmbeddedPostgres } from ${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)};
      await startEmbeddedPostgres({ directory: ${JSON.stringify(directory)}, persistent: false });
      setInterval(() => {}, 1000);
      process.stdout.write('up');`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    const pid = Number.parseInt(readFileSync(join(directory, 'data', 'postmaster.pid'), 'utf8'), 10);
    expect(isRunning(pid)).toBe(true);
    child.kill('SIGKILL');
    expect(await waitForEnd(pid, 10_000)).toBe(true);
    for (let tries = 0; existsSync(directory) && tries < 100; tries += 1) await sleep(50);
    expect(existsSync(directory)).toBe(false);
  });
});
