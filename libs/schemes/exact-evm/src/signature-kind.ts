import type { Address, Hex } from 'viem';

import { wordBytes } from './word.js';

/** What a signature can be, by its bytes alone; who judges it depends on whether the payer has code. */
export type SignatureKind =
  /** 65 bytes: an account's, or a wallet's that takes such. */
  | { readonly kind: 'ecdsa' }
  /** Of a wallet that its factory has yet to deploy (ERC-6492). */
  | {
      readonly kind: 'counterfactual';
      readonly factory: Address;
      readonly factoryData: Hex;
      readonly innerSignature: Hex;
    }
  /** Anything else: only a deployed wallet can say whether it is one (ERC-1271). */
  | { readonly kind: 'contract'; readonly problem?: string };

const ecdsaLength = 2 + 2 * 65;
const wordLength = 2 * wordBytes;
const headWords = 3;
/** Ends every signature that is wrapped by ERC-6492. */
const wrappingMagic = '6492'.repeat(16);
const noFactory = `0x${'0'.repeat(40)}`;

const ecdsa: SignatureKind = { kind: 'ecdsa' };
const contract: SignatureKind = { kind: 'contract' };

/** What kind of signature this is. Takes lower-case hex of whole bytes; never throws. */
export function signatureKindOf(signature: Hex): SignatureKind {
  if (signature.length === ecdsaLength) return ecdsa;
  if (!signature.endsWith(wrappingMagic)) return contract;
  return unwrapped(signature.slice(2, -wordLength)) ?? malformed;
}

const malformed: SignatureKind = {
  kind: 'contract',
  problem:
    'ends in the magic of ERC-6492, and what stands before it is not the encoding of a factory, its calldata and a signature',
};

/** The signature that a wallet's own contract takes: without the wrapping of ERC-6492, where it has one. */
export function innerSignatureOf(signature: Hex): Hex {
  const kind = signatureKindOf(signature);
  return kind.kind === 'counterfactual' ? kind.innerSignature : signature;
}

/** Decodes `(address factory, bytes factoryCalldata, bytes signature)`. */
function unwrapped(digits: string): SignatureKind | undefined {
  if (digits.length < headWords * wordLength) return undefined;
  const factoryWord = digits.slice(0, wordLength);
  const factory: Address = `0x${factoryWord.slice(24)}`;
  const factoryData = bytesAt(digits, 1);
  const innerSignature = bytesAt(digits, 2);
  if (!factoryWord.startsWith('0'.repeat(24)) || factory === noFactory) return undefined;
  if (factoryData === undefined || innerSignature === undefined) return undefined;
  return { kind: 'counterfactual', factory, factoryData, innerSignature };
}

/** The `bytes` whose offset is in the `index`th word of the head. */
function bytesAt(digits: string, index: number): Hex | undefined {
  const offset = smallAt(digits, index * wordLength);
  if (offset === undefined || offset < headWords * wordBytes) return undefined;
  const length = smallAt(digits, 2 * offset);
  if (length === undefined) return undefined;
  const start = 2 * (offset + wordBytes);
  const end = start + 2 * length;
  return end <= digits.length ? `0x${digits.slice(start, end)}` : undefined;
}

/** The number in the word at a place in the text; undefined when it is not there or could not be an offset. */
function smallAt(digits: string, at: number): number | undefined {
  const word = digits.slice(at, at + wordLength);
  if (word.length < wordLength || !word.startsWith('0'.repeat(wordLength - 8))) return undefined;
  return Number.parseInt(word.slice(-8), 16);
}
