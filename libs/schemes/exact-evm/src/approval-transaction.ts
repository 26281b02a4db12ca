import type { Address, Hex } from 'viem';

import { keccak256 } from './keccak.js';
import { readRlpList, type RlpItem, rlpListOf, rlpNumber } from './rlp.js';
import { readSignature, recoverSigner } from './signature.js';
import { numberWord, wordBytes } from './word.js';

/** A signed transaction, read from its bytes. Hex is lower case. */
export type SignedTransaction = {
  readonly type: 'legacy' | 'eip1559';
  /** null for a legacy transaction that is valid on every chain. */
  readonly chainId: bigint | null;
  readonly nonce: bigint;
  readonly gasLimit: bigint;
  /** What a unit of gas may cost in wei: `maxFeePerGas`, or the gas price of a legacy transaction. */
  readonly feePerGasMax: bigint;
  /** null creates a contract. */
  readonly to: Address | null;
  readonly value: bigint;
  readonly data: Hex;
  readonly hash: Hex;
  /** Who signed it; null where no key can have. */
  readonly signer: Address | null;
};

const eip1559Type = 0x02;
const eip1559Fields = 12;
const legacyFields = 9;
const addressBytes = 20;
/** Of EIP-155: v is twice the chain id, and 35 or 36. */
const chainIdOffset = 35n;
const unprotected: readonly bigint[] = [27n, 28n];

/**
 * Reads a signed EIP-1559 or legacy transaction from its raw bytes as hex; undefined where it is not one. Strict: each
 * transaction has one encoding, so that its hash is the one the chain will know it by. Never throws.
 */
export function readSignedTransaction(raw: Hex): SignedTransaction | undefined {
  const bytes = Buffer.from(raw.slice(2), 'hex');
  if (bytes.length * 2 !== raw.length - 2) return undefined;
  const hash: Hex = `0x${keccak256(bytes).toString('hex')}`;
  const fields = bytes[0] === eip1559Type ? eip1559FieldsOf(bytes) : legacyFieldsOf(bytes);
  return fields === undefined ? undefined : { ...fields, hash };
}

type Fields = Omit<SignedTransaction, 'hash'>;

function eip1559FieldsOf(bytes: Buffer): Fields | undefined {
  const items = readRlpList(bytes.subarray(1), eip1559Fields);
  if (items?.length !== eip1559Fields || items[8]?.isList !== true) return undefined;
  const numbers = numbersOf([...items.slice(0, 5), ...items.slice(9)]);
  const call = callOf(items.slice(5, 8));
  if (numbers === undefined || call === undefined) return undefined;
  const [chainId, nonce, , feePerGasMax, gasLimit, parity, r, s] = numbers as Numbers<8>;
  if (parity > 1n) return undefined;
  const unsigned = rlpListOf(items.slice(0, 9).map(({ encoded }) => encoded));
  const signer = signerOf(Buffer.concat([Buffer.from([eip1559Type]), unsigned]), { parity, r, s });
  return { type: 'eip1559', chainId, nonce, gasLimit, feePerGasMax, ...call, signer };
}

function legacyFieldsOf(bytes: Buffer): Fields | undefined {
  const items = readRlpList(bytes, legacyFields);
  if (items?.length !== legacyFields) return undefined;
  const numbers = numbersOf([...items.slice(0, 3), ...items.slice(6)]);
  const call = callOf(items.slice(3, 6));
  if (numbers === undefined || call === undefined) return undefined;
  const [nonce, feePerGasMax, gasLimit, v, r, s] = numbers as Numbers<6>;
  const recovery = recoveryOf(v);
  if (recovery === undefined) return undefined;
  const { chainId, parity } = recovery;
  const ending = chainId === null ? [] : [rlpNumber(chainId), rlpNumber(0n), rlpNumber(0n)];
  const unsigned = rlpListOf([...items.slice(0, 6).map(({ encoded }) => encoded), ...ending]);
  const signer = signerOf(unsigned, { parity, r, s });
  return { type: 'legacy', chainId, nonce, gasLimit, feePerGasMax, ...call, signer };
}

function recoveryOf(v: bigint): { readonly chainId: bigint | null; readonly parity: bigint } | undefined {
  if (unprotected.includes(v)) return { chainId: null, parity: v - 27n };
  if (v < chainIdOffset) return undefined;
  return { chainId: (v - chainIdOffset) / 2n, parity: (v - chainIdOffset) % 2n };
}

function callOf([to, value, data]: readonly RlpItem[]): Pick<Fields, 'to' | 'value' | 'data'> | undefined {
  const wei = value && numberOf(value);
  if (wei === undefined || to === undefined || data === undefined || to.isList || data.isList)
    return undefined;
  if (to.content.length !== 0 && to.content.length !== addressBytes) return undefined;
  return {
    to: to.content.length === 0 ? null : `0x${to.content.toString('hex')}`,
    value: wei,
    data: `0x${data.content.toString('hex')}`,
  };
}

type Numbers<Length extends number, List extends bigint[] = []> = List['length'] extends Length
  ? List
  : Numbers<Length, [...List, bigint]>;

/** All of them, or undefined where one is no number. */
function numbersOf(items: readonly RlpItem[]): readonly bigint[] | undefined {
  const numbers = items.map(numberOf).filter((number) => number !== undefined);
  return numbers.length === items.length ? numbers : undefined;
}

/** A number below 2^256 in its one encoding. */
function numberOf({ isList, content }: RlpItem): bigint | undefined {
  if (isList || content.length > wordBytes || content[0] === 0) return undefined;
  return content.length === 0 ? 0n : BigInt(`0x${content.toString('hex')}`);
}

function signerOf(
  unsigned: Buffer,
  { parity, r, s }: { readonly parity: bigint; readonly r: bigint; readonly s: bigint },
): Address | null {
  const reading = readSignature(`0x${numberWord(r)}${numberWord(s)}${parity === 0n ? '1b' : '1c'}`);
  if (!reading.ok) return null;
  return recoverSigner(keccak256(unsigned), reading.signature) ?? null;
}
