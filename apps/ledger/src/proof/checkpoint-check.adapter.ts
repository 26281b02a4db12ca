import { createPublicKey, verify } from 'node:crypto';

import { type Checkpoint, checkpointText, sealsOf, verifierKeyOf } from './checkpoint.js';

/** What precedes the 32 bytes of a public Ed25519 key in DER (RFC 8410). */
const publicPrefix = Buffer.from('302a300506032b6570032100', 'hex');

/** Name, id and key; the last may have plus signs of its own. */
const keyForm = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/;

/** `seals`: it is signed as it is, and of other seals than these. */
export type CheckpointProblem = { readonly kind: 'seals' | 'note'; readonly detail: string };

/** What is wrong with a note that should be of this tree, signed with this key; null where nothing is. */
export function checkpointProblem(
  tree: Omit<Checkpoint, 'origin'>,
  note: string,
  verifierKey: string,
): CheckpointProblem | null {
  const [, origin = '', keyId = '', encoded = ''] = keyForm.exec(verifierKey) ?? [];
  const publicKey = Buffer.from(encoded, 'base64').subarray(1).toString('hex');
  const of = (detail: string): CheckpointProblem => ({ kind: 'note', detail });
  if (verifierKeyOf(origin, publicKey) !== verifierKey) return of('is signed with a key that is none');
  const text = note.slice(0, note.indexOf('\n\n') + 1);
  const signature = signatureOf(note.slice(text.length + 1), { origin, keyId });
  if (signature === null || !isSigned(text, publicKey, signature)) return of('is not signed by its key');
  if (text === checkpointText({ ...tree, origin })) return null;
  if (text === checkpointText({ ...tree, origin, seals: sealsOf(note) }))
    return { kind: 'seals', detail: 'was signed of other seals than there are now' };
  return of('does not say what was sealed');
}

function signatureOf(line: string, { origin, keyId }: { origin: string; keyId: string }): Buffer | null {
  const beginning = `— ${origin} `;
  if (!line.startsWith(beginning) || !line.endsWith('\n')) return null;
  const text = line.slice(beginning.length, -1);
  const bytes = Buffer.from(text, 'base64');
  // What base64 tolerates is no signature: each has one form.
  if (bytes.toString('base64') !== text || bytes.subarray(0, 4).toString('hex') !== keyId) return null;
  return bytes.subarray(4);
}

function isSigned(text: string, publicKey: string, signature: Buffer): boolean {
  try {
    const der = Buffer.concat([publicPrefix, Buffer.from(publicKey, 'hex')]);
    return verify(
      null,
      Buffer.from(text),
      createPublicKey({ key: der, format: 'der', type: 'spki' }),
      signature,
    );
  } catch {
    // A key that is no point of the curve, a signature of another length.
    return false;
  }
}
