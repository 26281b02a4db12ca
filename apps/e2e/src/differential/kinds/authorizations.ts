import { type Kind, randomHex } from '../draft.js';
import { addresses, authorized, lacking, numbers } from './kind.js';

/** The fields of an EIP-3009 authorization. */
export const authorizations: readonly Kind[] = [
  ...['from', 'to', 'value', 'validAfter', 'validBefore', 'nonce'].flatMap((field) => lacking(field, field)),
  ...['value', 'validAfter', 'validBefore'].flatMap((field) => numbers(field, field)),
  ...['from', 'to'].flatMap((field) => addresses(field, field)),
  authorized('nonce too short', 'nonce', (nonce) => String(nonce).slice(0, -2)),
  authorized('nonce too long', 'nonce', (nonce) => `${String(nonce)}00`),
  authorized('nonce in upper case', 'nonce', (nonce) => `0x${String(nonce).slice(2).toUpperCase()}`),
  authorized('nonce a number', 'nonce', () => 7),
  authorized('nonce another than signed', 'nonce', (_nonce, random) => randomHex(32, random)),
  authorized('a field more in what is signed', 'surprise', () => '1'),
];
