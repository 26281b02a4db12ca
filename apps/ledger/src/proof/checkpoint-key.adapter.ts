import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { type Checkpoint, checkpointText, keyIdOf, noteOf, verifierKeyOf } from './checkpoint.js';
import { CheckpointKeyError } from './proof-error.js';

/** What precedes the 32 bytes of an Ed25519 key in DER (RFC 8410). */
const seedPrefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const keyBytes = 32;

/** Signs checkpoints. What it signs with is never shown: neither in a log nor in an error. */
export class CheckpointSigner {
  readonly verifierKey: string;
  readonly #key: KeyObject;
  readonly #keyId: string;

  private constructor(
    readonly origin: string,
    key: KeyObject,
  ) {
    // The key itself is the end of its DER form.
    const publicKey = createPublicKey(key)
      .export({ format: 'der', type: 'spki' })
      .subarray(-keyBytes)
      .toString('hex');
    this.#key = key;
    this.#keyId = keyIdOf(origin, publicKey);
    this.verifierKey = verifierKeyOf(origin, publicKey);
  }

  /**
   * Takes the key: 64 hexadecimal digits (its seed), or a file that holds them or a PEM of PKCS #8.
   *
   * @throws CheckpointKeyError that says what is wrong and not what was given.
   */
  static of(origin: string, setting: string): CheckpointSigner {
    return new CheckpointSigner(origin, keyOf(setting.startsWith('/') ? contentOf(setting) : setting));
  }

  /** The signed note. */
  sign(checkpoint: Omit<Checkpoint, 'origin'>): string {
    const whole = { ...checkpoint, origin: this.origin };
    const signature = sign(null, Buffer.from(checkpointText(whole)), this.#key).toString('hex');
    return noteOf(whole, this.#keyId, signature);
  }
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new CheckpointKeyError(`must name a file that can be read (${reason})`);
  }
}

function keyOf(text: string): KeyObject {
  const demand = 'must be an Ed25519 key: 64 hexadecimal digits, or the path of a file with them or a PEM';
  try {
    const key = /^[0-9a-fA-F]{64}$/.test(text)
      ? createPrivateKey({
          key: Buffer.concat([seedPrefix, Buffer.from(text, 'hex')]),
          format: 'der',
          type: 'pkcs8',
        })
      : createPrivateKey(text);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // Its own words may quote the key.
  }
  throw new CheckpointKeyError(demand);
}
