import { bytesToHex } from '@noble/hashes/utils.js';
import type { Hex } from 'viem';

import type { ExactEvmPayment } from './payment.js';
import { hashHex, hashText, hexWord, numberWord, type Word } from './word.js';

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

/** Callers choose the domain's texts, so the memory they can fill is bounded; the oldest entry makes room. */
const domainsCachedMax = 1_024;
const domainSeparators = new Map<string, Word>();

/** The EIP-712 digest of an EIP-3009 `TransferWithAuthorization`. */
export function authorizationDigest(terms: AuthorizationTerms): Hex {
  return `0x${bytesToHex(digestBytes(terms))}`;
}

/** As {@link authorizationDigest}, in the form that recovery takes. */
export function digestBytes(terms: AuthorizationTerms): Uint8Array {
  const struct = hashHex(
    transferTypeHash +
      hexWord(terms.payer) +
      hexWord(terms.payTo) +
      numberWord(terms.value) +
      numberWord(terms.validAfter) +
      numberWord(terms.validBefore) +
      hexWord(terms.nonce),
  );
  return hashHex(`1901${domainSeparator(terms)}${bytesToHex(struct)}`);
}

function domainSeparator({ chainNumber, asset, domain }: AuthorizationTerms): Word {
  const key = `${chainNumber}/${asset}/${domain.version.length}/${domain.version}${domain.name}`;
  const cached = domainSeparators.get(key);
  if (cached !== undefined) return cached;
  const words =
    domainTypeHash +
    hashText(domain.name) +
    hashText(domain.version) +
    numberWord(chainNumber) +
    hexWord(asset);
  const separator = bytesToHex(hashHex(words));
  if (domainSeparators.size >= domainsCachedMax) {
    const [oldest] = domainSeparators.keys();
    if (oldest !== undefined) domainSeparators.delete(oldest);
  }
  domainSeparators.set(key, separator);
  return separator;
}
