import { keccak256 } from './keccak.js';

/** Of EIP-191: what follows is structured data. */
const digestPrefix = Buffer.from([0x19, 0x01]);

/** The digest that is signed: of a domain's separator and a struct's encoding, which begins with its type's hash. */
export function digestOf(separator: Buffer, struct: Buffer): Buffer {
  return keccak256(Buffer.concat([digestPrefix, separator, keccak256(struct)]));
}

/** Callers choose what domains there are, so the memory they can fill is bounded; the oldest entry makes room. */
export class SeparatorCache {
  readonly #sizeMax: number;
  readonly #separators = new Map<string, Buffer>();

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
  }

  get(key: string, make: () => Buffer): Buffer {
    const cached = this.#separators.get(key);
    if (cached !== undefined) return cached;
    const separator = make();
    if (this.#separators.size >= this.#sizeMax) {
      const [oldest] = this.#separators.keys();
      if (oldest !== undefined) this.#separators.delete(oldest);
    }
    this.#separators.set(key, separator);
    return separator;
  }
}
