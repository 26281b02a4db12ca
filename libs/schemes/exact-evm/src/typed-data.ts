import type { Hex } from 'viem';

import { digestOf, SeparatorCache } from './eip712.js';
import { keccak256 } from './keccak.js';
import type { Eip3009Payment } from './payment.js';
import { type PermitTerms, permitDigestBytes } from './permit2-typed-data.js';
import { hashText, putHex, putNumber, wordBytes } from './word.js';

/** What a payer signs with EIP-3009: the token's EIP-712 domain, and the authorization. */
export type TransferTerms = Pick<
  Eip3009Payment,
  | 'method'
  | 'chainNumber'
  | 'asset'
  | 'domain'
  | 'payer'
  | 'payTo'
  | 'value'
  | 'validAfter'
  | 'validBefore'
  | 'nonce'
>;

/** What a payer signs. */
export type AuthorizationTerms = TransferTerms | PermitTerms;

const domainTypeHash = hashText(
  'EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)',
);
const transferTypeHash = hashText(
  'TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)',
);

const structWords = 7;
const domainWords = 5;
const separators = new SeparatorCache(1_024);

/**
 * The EIP-712 digest that the payer signs: of an EIP-3009 `TransferWithAuthorization`, or of a Permit2
 * `PermitWitnessTransferFrom` with the witness of the payment's scheme.
 */
export function authorizationDigest(terms: AuthorizationTerms): Hex {
  return `0x${digestBytes(terms).toString('hex')}`;
}

/** As {@link authorizationDigest}, in the form that recovery takes. */
export function digestBytes(terms: AuthorizationTerms): Buffer {
  return terms.method === 'eip3009' ? transferDigestBytes(terms) : permitDigestBytes(terms);
}

function transferDigestBytes(terms: TransferTerms): Buffer {
  const struct = Buffer.alloc(structWords * wordBytes);
  transferTypeHash.copy(struct);
  putHex(struct, 1, terms.payer);
  putHex(struct, 2, terms.payTo);
  putNumber(struct, 3, terms.value);
  putNumber(struct, 4, terms.validAfter);
  putNumber(struct, 5, terms.validBefore);
  putHex(struct, 6, terms.nonce);
  return digestOf(tokenSeparator(terms), struct);
}

function tokenSeparator({ chainNumber, asset, domain }: TransferTerms): Buffer {
  const key = `${chainNumber}/${asset}/${domain.version.length}/${domain.version}${domain.name}`;
  return separators.get(key, () => {
    const words = Buffer.alloc(domainWords * wordBytes);
    domainTypeHash.copy(words);
    hashText(domain.name).copy(words, wordBytes);
    hashText(domain.version).copy(words, 2 * wordBytes);
    putNumber(words, 3, BigInt(chainNumber));
    putHex(words, 4, asset);
    return keccak256(words);
  });
}
