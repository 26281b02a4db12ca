import { hash } from 'node:crypto';

import type { Digest } from './digest.js';

/** What a checkpoint states: C2SP tlog-checkpoint, https://c2sp.org/tlog-checkpoint */
export type Checkpoint = {
  /** Names the log; also the name of the key. */
  readonly origin: string;
  readonly size: number;
  readonly root: Digest;
  /** When the tree had this size: UTC, to the millisecond. An extension line, which C2SP leaves to the log. */
  readonly sealedAt: string;
  /** Over all seals up to this one: what each says, its time too, is signed with the next checkpoint. Another such line. */
  readonly seals: Digest;
};

export type SealRecord = Pick<Checkpoint, 'size' | 'root' | 'sealedAt'>;

/** Before the first seal. */
export const noSeals: Digest = '0'.repeat(64);

/** The hash over all seals up to this one. */
export function sealsDigest(before: Digest, { size, root, sealedAt }: SealRecord): Digest {
  return hash('sha256', `${before}\n${size} ${root} ${sealedAt}\n`, 'hex');
}

/** No blanks and no plus sign, as C2SP has it for the name of a key. */
export const originPattern = /^[!-*,-~]{1,200}$/;

const ed25519 = '01';
/** What a signature is preceded by: the beginning of a hash of name and key. */
const keyIdDigits = 8;

/** The text that is signed. */
export function checkpointText({ origin, size, root, sealedAt, seals }: Checkpoint): string {
  return `${origin}\n${size}\n${base64(root)}\nsealed ${sealedAt}\nseals ${seals}\n`;
}

/** What a note says of the seals up to its own. */
export function sealsOf(note: string): Digest {
  return /^seals ([0-9a-f]{64})$/m.exec(note)?.[1] ?? noSeals;
}

/** C2SP signed-note: a hash of the key's name and the key, whose beginning stands before each signature. */
export function keyIdOf(origin: string, publicKey: string): string {
  const bytes = Buffer.concat([Buffer.from(`${origin}\n`), Buffer.from(ed25519 + publicKey, 'hex')]);
  return hash('sha256', bytes, 'hex').slice(0, keyIdDigits);
}

/** The key as others take it to verify notes with. */
export function verifierKeyOf(origin: string, publicKey: string): string {
  return `${origin}+${keyIdOf(origin, publicKey)}+${base64(ed25519 + publicKey)}`;
}

/** A text and its signature, both as hexadecimal digits, as a note. */
export function noteOf(checkpoint: Checkpoint, keyId: string, signature: string): string {
  return `${checkpointText(checkpoint)}\n— ${checkpoint.origin} ${base64(keyId + signature)}\n`;
}

const base64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64');
