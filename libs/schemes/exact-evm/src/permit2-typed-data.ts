import { permit2Address } from './address.js';
import { digestOf, SeparatorCache } from './eip712.js';
import { keccak256 } from './keccak.js';
import type { Permit2Payment } from './payment.js';
import { hashText, putHex, putNumber, wordBytes } from './word.js';

/** What a payer signs with Permit2: the permit, and as its witness what the proxy holds the settlement to. */
export type PermitTerms = Pick<
  Permit2Payment,
  | 'method'
  | 'chainNumber'
  | 'token'
  | 'value'
  | 'spender'
  | 'nonce'
  | 'validBefore'
  | 'payTo'
  | 'facilitator'
  | 'validAfter'
>;

const domainTypeHash = hashText('EIP712Domain(string name,uint256 chainId,address verifyingContract)');
const domainNameHash = hashText('Permit2');

const permissionsType = 'TokenPermissions(address token,uint256 amount)';
const exactWitnessType = 'Witness(address to,uint256 validAfter)';
const uptoWitnessType = 'Witness(address to,address facilitator,uint256 validAfter)';
const permitType =
  'PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,Witness witness)';

const permissionsTypeHash = hashText(permissionsType);
const exactHashes = {
  witness: hashText(exactWitnessType),
  permit: hashText(permitType + permissionsType + exactWitnessType),
};
const uptoHashes = {
  witness: hashText(uptoWitnessType),
  permit: hashText(permitType + permissionsType + uptoWitnessType),
};

const domainWords = 4;
const permissionsWords = 3;
const permitWords = 6;
const separators = new SeparatorCache(256);

/** The digest of a `PermitWitnessTransferFrom`. The witness names a facilitator by `upto` only. */
export function permitDigestBytes(terms: PermitTerms): Buffer {
  const hashes = terms.facilitator === null ? exactHashes : uptoHashes;
  const permissions = Buffer.alloc(permissionsWords * wordBytes);
  permissionsTypeHash.copy(permissions);
  putHex(permissions, 1, terms.token);
  putNumber(permissions, 2, terms.value);
  const struct = Buffer.alloc(permitWords * wordBytes);
  hashes.permit.copy(struct);
  keccak256(permissions).copy(struct, wordBytes);
  putHex(struct, 2, terms.spender);
  putHex(struct, 3, terms.nonce);
  putNumber(struct, 4, terms.validBefore);
  witnessHash(terms, hashes.witness).copy(struct, 5 * wordBytes);
  return digestOf(permit2Separator(terms.chainNumber), struct);
}

function witnessHash({ payTo, facilitator, validAfter }: PermitTerms, typeHash: Buffer): Buffer {
  const words = Buffer.alloc((facilitator === null ? 3 : 4) * wordBytes);
  typeHash.copy(words);
  putHex(words, 1, payTo);
  if (facilitator !== null) putHex(words, 2, facilitator);
  putNumber(words, facilitator === null ? 2 : 3, validAfter);
  return keccak256(words);
}

function permit2Separator(chainNumber: number): Buffer {
  return separators.get(String(chainNumber), () => {
    const words = Buffer.alloc(domainWords * wordBytes);
    domainTypeHash.copy(words);
    domainNameHash.copy(words, wordBytes);
    putNumber(words, 2, BigInt(chainNumber));
    putHex(words, 3, permit2Address);
    return keccak256(words);
  });
}
