import { numberWord, ofText, signDigest, structHash, typedDigest, word } from './typed-hash.js';

export type SigningDomain = {
  readonly name: string;
  readonly version: string;
  readonly chainId: number;
  readonly verifyingContract: string;
};

export type Authorization = {
  readonly from: string;
  readonly to: string;
  readonly value: bigint;
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly nonce: string;
};

const domainType = ofText(
  'EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)',
);
const transferType = ofText(
  'TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)',
);

export function separatorOf({ name, version, chainId, verifyingContract }: SigningDomain): Buffer {
  return structHash(domainType, ofText(name), ofText(version), numberWord(chainId), word(verifyingContract));
}

/** Signs EIP-3009 authorizations: tens of thousands are wanted before a clock starts. */
export class QuickSigner {
  readonly #separator: Buffer;

  constructor(domain: SigningDomain) {
    this.#separator = separatorOf(domain);
  }

  digest({ from, to, value, validAfter, validBefore, nonce }: Authorization): Buffer {
    const numbers = [value, validAfter, validBefore].map(numberWord);
    return typedDigest(
      this.#separator,
      structHash(transferType, word(from), word(to), ...numbers, word(nonce)),
    );
  }

  /** The 65 bytes of the signature as hex. */
  sign(key: Buffer, authorization: Authorization): string {
    return signDigest(key, this.digest(authorization));
  }
}
