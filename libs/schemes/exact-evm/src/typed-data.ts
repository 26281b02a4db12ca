import type { Hex } from 'viem';

import { keccak256 } from './keccak.js';
import type { ExactEvmPayment } from './payment.js';
import { hashText, putHex, putNumber, wordBytes } from './word.js';

/** What a payer signs: the token's EIP-712 domain, and the authorization. */
export type AuthorizationTerms = Pick<
  ExactEvmPayment,
  'chainNumber' | 'asset' | 'domain' | 'payer' | 'payTo' | 'value' | 'validAfter' | 'validBefore' | 'nonce'
>;

const domainTypeHash = hashText(
  'EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)',
);
const transferTypeHash = hashText(
  'TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)',
);

const structWords = 7;
const domainWords = 5;
/** Of EIP-191: what follows is structured data. */
const digestPrefix = Buffer.from([0x19, 0x01]);

/** Callers choose the domain's texts, so the memory they can fill is bounded; the oldest entry makes room. */
const domainsCachedMax = 1_024;
const domainSeparators = new Map<string, Buffer>();

/** The EIP-712 digest of an EIP-3009 `TransferWithAuthorization`. */
export function authorizationDigest(terms: AuthorizationTerms): Hex {
  return `0x${digestBytes(terms).toString('hex')}`;
}

/** As {@link authorizationDigest}, in the form that recovery takes. */
export function digestBytes(terms: AuthorizationTerms): Buffer {
  const struct = Buffer.alloc(structWords * wordBytes);
  transferTypeHash.copy(struct);
  putHex(struct, 1, terms.payer);
  putHex(struct, 2, terms.payTo);
  putNumber(struct, 3, terms.value);
  putNumber(struct, 4, terms.validAfter);
  putNumber(struct, 5, terms.validBefore);
  putHex(struct, 6, terms.nonce);
  return keccak256(Buffer.concat([digestPrefix, domainSeparator(terms), keccak256(struct)]));
}

function domainSeparator({ chainNumber, asset, domain }: AuthorizationTerms): Buffer {
  const key = `${chainNumber}/${asset}/${domain.version.length}/${domain.version}${domain.name}`;
  const cached = domainSeparators.get(key);
  if (cached !== undefined) return cached;
  const words = Buffer.alloc(domainWords * wordBytes);
  domainTypeHash.copy(words);
  hashText(domain.name).copy(words, wordBytes);
  hashText(domain.version).copy(words, 2 * wordBytes);
  putNumber(words, 3, BigInt(chainNumber));
  putHex(words, 4, asset);
  const separator = keccak256(words);
  if (domainSeparators.size >= domainsCachedMax) {
    const [oldest] = domainSeparators.keys();
    if (oldest !== undefined) domainSeparators.delete(oldest);
  }
  domainSeparators.set(key, separator);
  return separator;
}
