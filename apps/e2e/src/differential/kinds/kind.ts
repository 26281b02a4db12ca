import type { SeededRandom } from '../../random.js';
import { type Cast, type Draft, type Kind, type Parts, randomHex } from '../draft.js';

/** Of 65 bytes in hex. */
const signatureLength = 132;

/** In what is signed; `path` may lead into it, as in `permitted.amount`. */
export const authorized = (
  name: string,
  path: string,
  make: (value: unknown, random: SeededRandom) => unknown,
): Kind => ({
  name,
  body: ({ authorization }, random) => {
    const [holder, field] = placeOf(authorization, path);
    // Where another kind has left nothing to put it into, that stays.
    if (holder !== undefined) put(holder, field, make(holder[field], random));
  },
});

/** In what the extension says. */
export const informed = (
  name: string,
  field: string,
  make: (value: unknown, random: SeededRandom) => unknown,
): Kind => ({
  name: `the extension’s ${name}`,
  body: ({ info }, random) => put(info, field, make(info[field], random)),
});

function placeOf(root: Record<string, unknown>, path: string): [Record<string, unknown> | undefined, string] {
  const [first = '', second] = path.split('.');
  if (second === undefined) return [root, first];
  const holder = root[first];
  const isObject = typeof holder === 'object' && holder !== null;
  return [isObject ? (holder as Record<string, unknown>) : undefined, second];
}

/** In the requirements, and in the payload's copy of them. */
export const required = (
  name: string,
  field: string,
  make: (parts: Parts, random: SeededRandom) => unknown,
): Kind => ({
  name,
  body: (parts, random) => {
    const value = make(parts, random);
    put(parts.requirements, field, value);
    if (parts.accepted !== undefined) put(parts.accepted, field, value);
  },
});

export const signedAs = (
  name: string,
  change: (signature: string, random: SeededRandom) => unknown,
): Kind => ({
  name: `signature: ${name}`,
  body: ({ payload }, random) => {
    const { signature } = payload;
    // Where another kind has left something else, that stays.
    if (typeof signature === 'string' && signature.length >= signatureLength)
      put(payload, 'signature', change(signature, random));
  },
});

export const drafted = (
  name: string,
  draft: (draft: Draft, cast: Cast, random: SeededRandom) => void,
): Kind => ({
  name,
  draft,
});

/** Kinds that set the same, and so do not go together. */
export const setting = (sets: string, kinds: readonly Kind[]): Kind[] =>
  kinds.map((kind) => ({ ...kind, sets }));

export function put(target: Record<string, unknown>, field: string, value: unknown): void {
  if (value === undefined) delete target[field];
  else target[field] = value;
}

export const amountField = ({ draft }: Parts): string =>
  draft.x402Version === 1 ? 'maxAmountRequired' : 'amount';

/** What can be wrong with any field. */
export const lacking = (
  name: string,
  path: string,
  at: (name: string, path: string, make: () => unknown) => Kind = authorized,
): Kind[] => [
  at(`${name} missing`, path, () => undefined),
  at(`${name} null`, path, () => null),
  at(`${name} an object`, path, () => ({})),
  at(`${name} empty`, path, () => ''),
];

type At = (name: string, path: string, make: (value: unknown, random: SeededRandom) => unknown) => Kind;

/** Notations of a number. */
export const numbers = (name: string, path: string, at: At = authorized): Kind[] => [
  at(`${name} as a number`, path, (value) => Number(value)),
  at(`${name} in hex`, path, inHex),
  at(`${name} with a leading zero`, path, (value) => `0${String(value)}`),
  at(`${name} with a blank`, path, (value) => ` ${String(value)}`),
  at(`${name} negative`, path, () => '-1'),
  at(`${name} a fraction`, path, () => '1.5'),
  at(`${name} beyond 256 bits`, path, () => String(2n ** 256n)),
  at(`${name} no number`, path, () => 'soon'),
  at(`${name} another than signed`, path, another),
];

/** Notations of an address. */
export const addresses = (name: string, path: string, at: At = authorized): Kind[] => [
  at(`${name} in upper case`, path, (value) => `0x${String(value).slice(2).toUpperCase()}`),
  at(`${name} in lower case`, path, (value) => String(value).toLowerCase()),
  at(`${name} with a wrong checksum`, path, (value) => swappedCase(String(value))),
  at(`${name} too short`, path, (value) => String(value).slice(0, -2)),
  at(`${name} too long`, path, (value) => `${String(value)}00`),
  at(`${name} a name`, path, () => 'alice.eth'),
  at(`${name} another than signed`, path, (_value, random) => randomHex(20, random)),
];

function swappedCase(address: string): string {
  const digits = address.slice(2).toLowerCase();
  // Every other letter large: no address of the run has this checksum.
  return `0x${[...digits].map((digit, index) => (index % 2 === 0 ? digit.toUpperCase() : digit)).join('')}`;
}

function inHex(value: unknown): string {
  const text = String(value);
  return `0x${/^\d+$/.test(text) ? BigInt(text).toString(16) : '1'}`;
}

/** Or one less, of the greatest that there is. */
function another(value: unknown): string {
  const text = String(value);
  if (!/^\d+$/.test(text)) return '1';
  const number = BigInt(text);
  return String(number === 2n ** 256n - 1n ? number - 1n : number + 1n);
}
