import type { Kind, Scene } from '../draft.js';
import { addresses, authorized, lacking, numbers } from './kind.js';

const numberFields = ['permitted.amount', 'nonce', 'deadline', 'witness.validAfter'];
const addressFields = ['from', 'permitted.token', 'spender', 'witness.to'];
const facilitatorField = 'witness.facilitator';

/** Where another kind has made it no number, that stays. */
const as32Bytes = (nonce: unknown): unknown =>
  typeof nonce === 'string' && /^[0-9]+$/.test(nonce)
    ? `0x${BigInt(nonce).toString(16).padStart(64, '0')}`
    : nonce;

/** The fields of a Permit2 authorization. */
export function permitFields(scheme: Scene['scheme']): Kind[] {
  const ofAddress = scheme === 'upto' ? [...addressFields, facilitatorField] : addressFields;
  return [
    ...[...ofAddress, ...numberFields].flatMap((path) => lacking(path, path)),
    ...['permitted', 'witness'].flatMap((field) => [
      authorized(`${field} missing`, field, () => undefined),
      authorized(`${field} null`, field, () => null),
      authorized(`${field} a list`, field, () => []),
    ]),
    ...numberFields.flatMap((path) => numbers(path, path)),
    ...ofAddress.flatMap((path) => addresses(path, path)),
    authorized('nonce as 32 bytes', 'nonce', as32Bytes),
    authorized('a field more in what is signed', 'surprise', () => '1'),
    authorized('a field more in permitted', 'permitted.surprise', () => '1'),
    authorized('a field more in the witness', 'witness.surprise', () => '1'),
    ...(scheme === 'upto'
      ? []
      : [authorized('a facilitator in the witness', facilitatorField, () => `0x${'77'.repeat(20)}`)]),
  ];
}
