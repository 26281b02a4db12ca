type Entry<Value> = { readonly value: Value; readonly expiresAt: number };

/** Remembers at most `sizeMax` values for `lifetimeMs` each; the oldest makes room. */
export class ExpiringCache<Value> {
  readonly #entries = new Map<string, Entry<Value>>();

  constructor(
    private readonly limits: { readonly sizeMax: number; readonly lifetimeMs: number },
    private readonly now: () => number = Date.now,
  ) {}

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.expiresAt > this.now()) return entry?.value;
    this.#entries.delete(key);
    return undefined;
  }

  set(key: string, value: Value): void {
    this.#entries.delete(key);
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined && this.#entries.size >= this.limits.sizeMax) this.#entries.delete(oldest);
    this.#entries.set(key, { value, expiresAt: this.now() + this.limits.lifetimeMs });
  }
}
