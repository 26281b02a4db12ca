import { devWalletOf } from '@quittance/embedded';

import type { SeededRandom } from '../../random.js';
import { anotherKey, type Draft, type Kind, randomHex } from '../draft.js';
import { drafted, setting, signedAs } from './kind.js';

const curveOrder = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** Of the 65 bytes themselves. */
const changes: ReadonlyArray<
  readonly [name: string, change: (signature: string, random: SeededRandom) => string]
> = [
  ['high s', highS],
  ['high s with the same v', (signature) => `${highS(signature).slice(0, -2)}${signature.slice(-2)}`],
  ['v of 0 or 1', (signature) => `${signature.slice(0, -2)}0${signature.endsWith('1b') ? 0 : 1}`],
  ['the other v', (signature) => `${signature.slice(0, -2)}${signature.endsWith('1b') ? '1c' : '1b'}`],
  ['v of 29', (signature) => `${signature.slice(0, -2)}1d`],
  ['r of zero', (signature) => `0x${'0'.repeat(64)}${signature.slice(66)}`],
  ['s of zero', (signature) => `${signature.slice(0, 66)}${'0'.repeat(64)}${signature.slice(130)}`],
  ['r beyond the order', (signature) => `0x${'f'.repeat(64)}${signature.slice(66)}`],
  ['one bit changed', flipped],
];

const bySomebodyElse = drafted('signed by somebody else', (draft, cast, random) => {
  draft.payer = { ...draft.payer, key: anotherKey(draft, cast, random) };
});

/** Of an account, with a delegate or without. */
export const signatures: readonly Kind[] = [
  bySomebodyElse,
  ...changes.map(([name, change]) => signedAs(name, change)),
  signedAs('random bytes', (_signature, random) => randomHex(65, random)),
  signedAs('empty', () => '0x'),
  signedAs('a byte short', (signature) => signature.slice(0, -2)),
  signedAs('half a byte short', (signature) => signature.slice(0, -1)),
  signedAs('cut to 32 bytes', (signature) => signature.slice(0, 66)),
  signedAs('a byte too long', (signature) => `${signature}00`),
  signedAs('twice', (signature) => signature + signature.slice(2)),
  signedAs('compact (EIP-2098)', compact),
  signedAs('upper case', (signature) => `0x${signature.slice(2).toUpperCase()}`),
  signedAs('without 0x', (signature) => signature.slice(2)),
  signedAs('no hex', () => '0xzz'),
  signedAs('a number', () => 1),
  signedAs('null', () => null),
  signedAs('missing', () => undefined),
  signedAs('wrapped as of a wallet to be made (ERC-6492)', (signature) => wrapped(signature, 'fac')),
  signedAs('wrapped without a factory (ERC-6492)', (signature) => wrapped(signature, '0')),
  signedAs('with the magic of ERC-6492 and nothing it needs', (signature) => signature + magic),
];

/** The forms that a wallet's signature can have, and those it should not have. */
const forms: readonly Kind[] = [
  bySomebodyElse,
  ...changes.map(([name, change]) => formed(name, (signing) => void (signing.change = change))),
  formed('the owner’s, as of a plain account', (signing) => void (signing.boundTo = null)),
  formed('bound to another wallet', (signing) => void (signing.boundTo = `0x${'77'.repeat(20)}`)),
  ...setting('form', [
    formed('bare', (signing) => void (signing.form = 'bare')),
    formed('in the wallet’s longer form', (signing) => void (signing.form = 'wrapped')),
    formed('of an owner that the wallet has not got', (signing) => {
      signing.form = 'wrapped';
      signing.ownerIndex = 1n;
    }),
  ]),
  formed('a byte short inside', (signing) => void (signing.change = (signature) => signature.slice(0, -2))),
  formed('empty inside', (signing) => void (signing.change = () => '0x')),
  signedAs('empty', () => '0x'),
  signedAs('a byte short', (signature) => signature.slice(0, -2)),
  signedAs('a byte too long', (signature) => `${signature}00`),
  signedAs('cut to 32 bytes', (signature) => signature.slice(0, 66)),
  signedAs('random bytes', (_signature, random) => randomHex(65, random)),
  signedAs('many random bytes', (_signature, random) => randomHex(300, random)),
  signedAs('upper case', (signature) => `0x${signature.slice(2).toUpperCase()}`),
  signedAs('missing', () => undefined),
];

export const walletSignatures: readonly Kind[] = [
  ...forms,
  formed('wrapped by ERC-6492 although the wallet is deployed', (signing) => void (signing.wrapping = {})),
  formed('wrapped by ERC-6492 although deployed, with another factory', (signing, random) => {
    signing.wrapping = { factory: randomHex(20, random) };
  }),
  signedAs('with the magic of ERC-6492 and nothing it needs', (signature) => signature + magic),
];

/** Of a wallet that is not deployed. */
export const unmadeSignatures: readonly Kind[] = [
  ...forms,
  formed('not wrapped by ERC-6492', (signing) => void (signing.wrapping = 'none')),
  formed('wrapped with another factory', (signing, random) => {
    signing.wrapping = { factory: randomHex(20, random) };
  }),
  formed('wrapped with no factory', (signing) => {
    signing.wrapping = { factory: `0x${'0'.repeat(40)}` };
  }),
  formed('wrapped with calldata that the factory refuses', (signing) => {
    signing.wrapping = { data: '0xdeadbeef' };
  }),
  formed('wrapped with no calldata', (signing) => void (signing.wrapping = { data: '0x' })),
  formed('wrapped with the calldata of another wallet', (signing) => {
    signing.wrapping = { data: devWalletOf(`0x${'77'.repeat(20)}`).factoryData };
  }),
  signedAs('wrapped twice', (signature) => wrapped(signature, 'fac')),
  signedAs('with a word less in its wrapping', (signature) => `0x${signature.slice(66)}`),
  signedAs(
    'with a word more before the magic',
    (signature) => `${signature.slice(0, -magic.length)}${'0'.repeat(64)}${magic}`,
  ),
  signedAs('with the magic of ERC-6492 and nothing it needs', () => `0x${'5'.repeat(130)}${magic}`),
];

function formed(name: string, change: (signing: Draft['signing'], random: SeededRandom) => void): Kind {
  return drafted(`signature: ${name}`, ({ signing }, _cast, random) => change(signing, random));
}

function highS(signature: string): string {
  const s = BigInt(`0x${signature.slice(66, 130)}`);
  const v = signature.endsWith('1b') ? '1c' : '1b';
  return `0x${signature.slice(2, 66)}${(curveOrder - s).toString(16).padStart(64, '0')}${v}`;
}

function compact(signature: string): string {
  const s = BigInt(`0x${signature.slice(66, 130)}`) | (signature.endsWith('1b') ? 0n : 1n << 255n);
  return `${signature.slice(0, 66)}${s.toString(16).padStart(64, '0')}`;
}

function flipped(signature: string, random: SeededRandom): string {
  const at = 2 + random.below(128);
  const digit = (Number.parseInt(signature.charAt(at), 16) ^ 1).toString(16);
  return signature.slice(0, at) + digit + signature.slice(at + 1);
}

const magic = '6492'.repeat(16);

function wrapped(signature: string, by: string): string {
  const word = (n: number): string => n.toString(16).padStart(64, '0');
  const digits = signature.slice(2);
  const padded = digits.padEnd(Math.ceil(digits.length / 64) * 64, '0');
  const factory = by.padStart(64, '0');
  return `0x${factory}${word(96)}${word(128)}${word(0)}${word(digits.length / 2)}${padded}${magic}`;
}
