import { type Address, type Hex, keccak256 } from 'viem';
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';

export type TransferTransaction = {
  readonly chainNumber: number;
  readonly nonce: bigint;
  readonly to: Address;
  readonly data: Hex;
  readonly gas: bigint;
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
};

/** An account that pays gas. Its key can be used and not be read: no way of printing a relayer shows it. */
export class Relayer {
  readonly #account: PrivateKeyAccount;
  readonly address: Address;

  private constructor(account: PrivateKeyAccount) {
    this.#account = account;
    this.address = account.address.toLowerCase() as Address;
  }

  /** Throws what viem throws for a key that is none; its message may hold the key. */
  static fromKey(privateKey: Hex): Relayer {
    return new Relayer(privateKeyToAccount(privateKey));
  }

  /** Signs an EIP-1559 transaction without value. The same transaction always gets the same bytes (RFC 6979). */
  async signTransfer(transaction: TransferTransaction): Promise<{ readonly raw: Hex; readonly hash: Hex }> {
    const { chainNumber, nonce, ...fields } = transaction;
    const raw = await this.#account.signTransaction({
      type: 'eip1559',
      chainId: chainNumber,
      nonce: Number(nonce),
      value: 0n,
      ...fields,
    });
    return { raw, hash: keccak256(raw) };
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
