import { keccak256 } from '@quittance/exact-evm';
import secp256k1 from 'secp256k1';
import { type Address, type Hex, hexToBytes } from 'viem';
import { privateKeyToAddress } from 'viem/accounts';

import { type RelayerTransaction, TransactionBytes } from './transaction-bytes.js';

export type SignedTransaction = { readonly raw: Hex; readonly hash: Hex };

/** An account that pays gas. Its key can be used and not be read: no way of printing a relayer shows it. */
export class Relayer {
  readonly #key: Uint8Array;
  readonly address: Address;

  private constructor(key: Uint8Array, address: Address) {
    this.#key = key;
    this.address = address;
  }

  /** Throws what viem throws for a key that is none; its message may hold the key. */
  static fromKey(privateKey: Hex): Relayer {
    return new Relayer(hexToBytes(privateKey), privateKeyToAddress(privateKey).toLowerCase() as Address);
  }

  /** Signs a transaction. The same transaction always gets the same bytes (RFC 6979). */
  sign(transaction: RelayerTransaction): SignedTransaction {
    const bytes = new TransactionBytes(transaction);
    // libsecp256k1's own nonces are those of RFC 6979, and its s is in the lower half.
    const { signature, recid } = secp256k1.ecdsaSign(keccak256(bytes.unsigned()), this.#key);
    const raw = bytes.signed({ rs: signature, parity: recid });
    return { raw: `0x${raw.toString('hex')}`, hash: `0x${keccak256(raw).toString('hex')}` };
  }

  toString(): string {
    return `Relayer(${this.address})`;
  }

  toJSON(): { readonly address: Address } {
    return { address: this.address };
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}
