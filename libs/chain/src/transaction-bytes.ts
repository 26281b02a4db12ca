import type { Address, Hex } from 'viem';

import type { Fees } from './fees.js';
import { numberBytes, rlpBytes, rlpList } from './rlp.js';

export type RelayerTransaction = {
  readonly type: Fees['type'];
  readonly chainNumber: number;
  readonly nonce: bigint;
  readonly to: Address;
  readonly data: Hex;
  readonly gas: bigint;
  /** A legacy transaction has but the one price, which is `maxFeePerGas`. */
  readonly fees: Pick<Fees, 'maxFeePerGas' | 'maxPriorityFeePerGas'>;
  /** Wei that goes with it: none, but where a payer is given gas. */
  readonly value: bigint;
};

/** r and s as 64 bytes; and which of the two keys made it that it fits. */
export type TransactionSignature = { readonly rs: Uint8Array; readonly parity: number };

const addressBytes = 20;
const scalarBytes = 32;
/** EIP-2718's type of an EIP-1559 transaction; a legacy one has none. */
const eip1559Type = Buffer.from([2]);
const emptyAccessList = rlpList([]);
/** By EIP-155 the v of a legacy signature holds the chain: twice its number, 35 and the parity. */
const legacyVBase = 35n;

/**
 * The bytes of a transaction: those to hash for its signature, and those to send. viem's serializer goes by hex text,
 * which takes many times as long for the calldata of hundreds of transfers.
 */
export class TransactionBytes {
  readonly #isLegacy: boolean;
  readonly #chainNumber: bigint;
  readonly #fields: readonly Buffer[];

  constructor({ type, chainNumber, nonce, to, data, gas, fees, value }: RelayerTransaction) {
    const { maxFeePerGas, maxPriorityFeePerGas } = fees;
    const receiver = bytesOf(to);
    if (receiver.length !== addressBytes) throw new RangeError('a transaction is to an address of 20 bytes');
    this.#isLegacy = type === 'legacy';
    this.#chainNumber = BigInt(chainNumber);
    const call = [rlpNumber(gas), rlpBytes(receiver), rlpNumber(value), rlpBytes(bytesOf(data))];
    if (this.#isLegacy) {
      this.#fields = [rlpNumber(nonce), rlpNumber(maxFeePerGas), ...call].flat();
      return;
    }
    if (maxPriorityFeePerGas > maxFeePerGas) throw new RangeError('the tip is above the fee that holds it');
    const prices = [rlpNumber(maxPriorityFeePerGas), rlpNumber(maxFeePerGas)];
    this.#fields = [
      rlpNumber(this.#chainNumber),
      rlpNumber(nonce),
      ...prices,
      ...call,
      emptyAccessList,
    ].flat();
  }

  /** What is hashed to be signed. */
  unsigned(): Buffer {
    return this.#isLegacy
      ? this.#serialize([rlpNumber(this.#chainNumber), rlpNumber(0n), rlpNumber(0n)])
      : this.#serialize([]);
  }

  /** What is sent. */
  signed({ rs, parity }: TransactionSignature): Buffer {
    const bit = BigInt(parity);
    const v = this.#isLegacy ? this.#chainNumber * 2n + legacyVBase + bit : bit;
    return this.#serialize([
      rlpNumber(v),
      rlpScalar(rs.subarray(0, scalarBytes)),
      rlpScalar(rs.subarray(scalarBytes)),
    ]);
  }

  #serialize(signature: readonly (readonly Buffer[])[]): Buffer {
    const list = rlpList([...this.#fields, ...signature.flat()]);
    return Buffer.concat(this.#isLegacy ? list : [eip1559Type, ...list]);
  }
}

function bytesOf(hex: Hex): Buffer {
  const bytes = Buffer.from(hex.slice(2), 'hex');
  // Decoding ends, without a word, at the first digit that is none.
  if (bytes.length * 2 !== hex.length - 2) throw new RangeError('a field of a transaction is not hex');
  return bytes;
}

function rlpNumber(value: bigint): readonly Buffer[] {
  return rlpBytes(numberBytes(value));
}

/** A number of 32 bytes, whose leading zeros go. */
function rlpScalar(bytes: Uint8Array): readonly Buffer[] {
  const start = bytes.findIndex((byte) => byte !== 0);
  return rlpBytes(start === -1 ? Buffer.alloc(0) : Buffer.from(bytes.subarray(start)));
}
