import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { DataFolder } from './data-folder.js';

// What the command line of any process here contains.
const mark = 'node';
let path = '';

function open(): DataFolder {
  return DataFolder.open({ path, mark });
}

describe('DataFolder', () => {
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'quittance-spec-'));
  });
  afterEach(() => {
    rmSync(path, { recursive: true, force: true });
  });

  it('gives the same secrets at every start, readable by their owner only', () => {
    const first = open().secrets();
    expect(open().secrets()).toEqual(first);
    expect(statSync(join(path, 'secrets.json')).mode & 0o777).toBe(0o600);
  });

  it('makes the tokens of the ledger where an earlier version made none, and keeps them', () => {
    const { ledgerTokens: _, ...earlier } = open().secrets();
    writeFileSync(join(path, 'secrets.json'), JSON.stringify(earlier));
    const made = open().secrets();
    expect(Object.keys(made.ledgerTokens)).toEqual(['operator', 'approver', 'controller', 'auditor']);
    expect(made).toMatchObject(earlier);
    expect(open().secrets()).toEqual(made);
  });

  it('gives new secrets after it was cleared', () => {
    const folder = open();
    const first = folder.secrets();
    folder.clear();
    expect(folder.secrets().relayerKey).not.toBe(first.relayerKey);
  });

  it('keeps the key that the books are signed with, for its owner alone, and makes another for new books', () => {
    const folder = open();
    const file = folder.checkpointKey();
    const first = readFileSync(file, 'utf8');
    expect(first).toMatch(/^-----BEGIN PRIVATE KEY-----/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(open().checkpointKey(), 'utf8')).toBe(first);
    folder.clear();
    expect(readFileSync(folder.checkpointKey(), 'utf8')).not.toBe(first);
  });

  it('refuses a second supervisor while the first runs, and names it', () => {
    const folder = open();
    writeFileSync(folder.lockFile, `${process.ppid}\n`);
    expect(() => open()).toThrow(`Quittance already runs on ${path} (process ${process.ppid})`);
  });

  it('takes over the lock of one that is gone', () => {
    const folder = open();
    writeFileSync(folder.lockFile, '999999999\n');
    expect(() => open()).not.toThrow();
  });

  it('names the file that is damaged and what to do', () => {
    open().secrets();
    writeFileSync(join(path, 'secrets.json'), '{"passwords":');
    expect(() => open().secrets()).toThrow(/secrets\.json is damaged\. Start again with --fresh/);
  });
});
