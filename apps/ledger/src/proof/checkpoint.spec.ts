import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from '@jest/globals';

import { noSeals, sealsDigest, sealsOf } from './checkpoint.js';
import { checkpointProblem } from './checkpoint-check.adapter.js';
import { CheckpointSigner } from './checkpoint-key.adapter.js';
import { CheckpointKeyError } from './proof-error.js';

const seed = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60';
const origin = 'books.example/ledger';
const tree = {
  size: 17,
  root: 'ab'.repeat(32),
  sealedAt: '2026-11-27T05:00:00.123Z',
  seals: 'cd'.repeat(32),
};

describe('a checkpoint', () => {
  it('has the form of C2SP: what it says, a blank line, the signature', () => {
    const note = CheckpointSigner.of(origin, seed).sign(tree);
    expect(note).toMatch(
      /^books\.example\/ledger\n17\n[A-Za-z0-9+/]{43}=\nsealed 2026-11-27T05:00:00\.123Z\nseals [0-9a-f]{64}\n\n— books\.example\/ledger [A-Za-z0-9+/]{91}=\n$/,
    );
    expect(sealsOf(note)).toBe(tree.seals);
  });

  it('is signed with the key of RFC 8032, test 1', () => {
    const { verifierKey } = CheckpointSigner.of(origin, seed);
    const publicKey = Buffer.from(verifierKey.split('+').slice(2).join('+'), 'base64')
      .subarray(1)
      .toString('hex');
    expect(publicKey).toBe('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
  });

  it('is found wrong when anything of it is another, and by what', () => {
    const signer = CheckpointSigner.of(origin, seed);
    const note = signer.sign(tree);
    const { verifierKey } = signer;
    expect(checkpointProblem(tree, note, verifierKey)).toBeNull();
    for (let place = 0; place < note.length; place += 1) {
      const other = note[place] === 'x' ? 'y' : 'x';
      const changed = note.slice(0, place) + other + note.slice(place + 1);
      expect(checkpointProblem(tree, changed, verifierKey)?.kind).toBe('note');
    }
    expect(checkpointProblem({ ...tree, size: 18 }, note, verifierKey)?.kind).toBe('note');
    expect(checkpointProblem({ ...tree, root: 'ac'.repeat(32) }, note, verifierKey)?.kind).toBe('note');
    expect(checkpointProblem({ ...tree, seals: noSeals }, note, verifierKey)?.kind).toBe('seals');
    const another = CheckpointSigner.of(origin, '11'.repeat(32)).verifierKey;
    expect(checkpointProblem(tree, note, another)?.kind).toBe('note');
    expect(checkpointProblem(tree, note, 'no key')?.kind).toBe('note');
  });

  it('covers all seals before it, with their times', () => {
    const one = sealsDigest(noSeals, tree);
    expect(sealsDigest(noSeals, { ...tree, sealedAt: '2026-11-27T05:00:00.124Z' })).not.toBe(one);
    expect(sealsDigest(one, tree)).not.toBe(sealsDigest(noSeals, tree));
  });
});

describe('the key', () => {
  it('is taken from a file too, of digits or a PEM, and is the same one then', () => {
    const folder = mkdtempSync(join(tmpdir(), 'quittance-key-'));
    try {
      const file = join(folder, 'key');
      writeFileSync(file, `${seed}\n`);
      expect(CheckpointSigner.of(origin, file).verifierKey).toBe(
        CheckpointSigner.of(origin, seed).verifierKey,
      );
      const { privateKey } = generateKeyPairSync('ed25519');
      writeFileSync(file, privateKey.export({ format: 'pem', type: 'pkcs8' }));
      expect(CheckpointSigner.of(origin, file).verifierKey).toMatch(/^books\.example\/ledger\+[0-9a-f]{8}\+/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each([
    ['too short', seed.slice(1)],
    ['no key', 'hunter2'],
    [
      'of another kind',
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
        format: 'pem',
        type: 'pkcs8',
      }) as string,
    ],
    ['a file that is not there', '/nowhere/key.pem'],
  ])('that is %s is refused, and not shown', (_, text) => {
    expect(() => CheckpointSigner.of(origin, text)).toThrow(CheckpointKeyError);
    try {
      CheckpointSigner.of(origin, text);
    } catch (error) {
      expect(String(error)).not.toContain(text);
    }
  });

  it('does not show when the signer is written out', () => {
    const signer = CheckpointSigner.of(origin, seed);
    expect(JSON.stringify(signer)).not.toContain(seed);
    expect(Object.keys(signer)).toEqual(['origin', 'verifierKey']);
  });
});
