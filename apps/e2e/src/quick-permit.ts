import { separatorOf, type SigningDomain } from './quick-signer.js';
import { numberWord, ofText, structHash, typedDigest, word } from './typed-hash.js';

/** What a payer signs for Permit2 and the proxies of x402. */
export type PermitTerms = {
  readonly token: string;
  readonly amount: bigint;
  readonly spender: string;
  readonly nonce: bigint;
  readonly deadline: bigint;
  readonly to: string;
  readonly validAfter: bigint;
  /** `upto` only. */
  readonly facilitator: string | null;
};

/** What the owner of a token signs for EIP-2612. */
export type Permit2612Terms = {
  readonly owner: string;
  readonly spender: string;
  readonly value: bigint;
  readonly nonce: bigint;
  readonly deadline: bigint;
};

const domainType = ofText('EIP712Domain(string name,uint256 chainId,address verifyingContract)');
const domainName = ofText('Permit2');

const permissions = 'TokenPermissions(address token,uint256 amount)';
const permissionsType = ofText(permissions);
const typesWith = (witness: string) => ({
  witness: ofText(witness),
  permit: ofText(
    `PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,Witness witness)${permissions}${witness}`,
  ),
});
const exactTypes = typesWith('Witness(address to,uint256 validAfter)');
const uptoTypes = typesWith('Witness(address to,address facilitator,uint256 validAfter)');
const permit2612Type = ofText(
  'Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)',
);
const walletMessageType = ofText('DevWalletMessage(bytes32 hash)');

export type Permit2Domain = { readonly chainId: number; readonly verifyingContract: string };

export function permitDigest({ chainId, verifyingContract }: Permit2Domain, terms: PermitTerms): Buffer {
  const { token, amount, spender, nonce, deadline, to, validAfter, facilitator } = terms;
  const types = facilitator === null ? exactTypes : uptoTypes;
  const named = facilitator === null ? [] : [word(facilitator)];
  const struct = structHash(
    types.permit,
    structHash(permissionsType, word(token), numberWord(amount)),
    word(spender),
    numberWord(nonce),
    numberWord(deadline),
    structHash(types.witness, word(to), ...named, numberWord(validAfter)),
  );
  return typedDigest(
    structHash(domainType, domainName, numberWord(chainId), word(verifyingContract)),
    struct,
  );
}

export function permit2612Digest(domain: SigningDomain, terms: Permit2612Terms): Buffer {
  const { owner, spender, value, nonce, deadline } = terms;
  const numbers = [value, nonce, deadline].map(numberWord);
  return typedDigest(separatorOf(domain), structHash(permit2612Type, word(owner), word(spender), ...numbers));
}

/** What the owner of a wallet of the dev chain signs, for a digest that the wallet is asked about. */
export function walletDigest(digest: Buffer, wallet: string, chainId: number): Buffer {
  const domain = { name: 'DevWallet', version: '1', chainId, verifyingContract: wallet };
  return typedDigest(separatorOf(domain), structHash(walletMessageType, digest));
}
