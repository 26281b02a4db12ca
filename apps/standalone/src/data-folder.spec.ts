import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
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

  it('gives new secrets after it was cleared', () => {
    const folder = open();
    const first = folder.secrets();
    folder.clear();
    expect(folder.secrets().relayerKey).not.toBe(first.relayerKey);
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
