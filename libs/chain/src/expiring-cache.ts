type Entry<Value> = { readonly value: Value; readonly setAt: number };

/** Remembers at most `sizeMax` values for `lifetimeMs` each; the oldest makes room. */
export class ExpiringCache<Value> {
  readonly #entries = new Map<string, Entry<Value>>();

  constructor(
    private readonly limits: { readonly sizeMax: number; readonly lifetimeMs: number },
    private readonly now: () => number = () => Date.now(),
  ) {}

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.setAt + this.limits.lifetimeMs > this.now()) return entry?.value;
    this.#entries.delete(key);
    return undefined;
  }

  set(key: string, value: Value): void {
    this.#entries.delete(key);
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined && this.#entries.size >= this.limits.sizeMax) this.#entries.delete(oldest);
    this.#entries.set(key, { value, setAt: this.now() });
  }

  /** Forgets what was remembered that long ago; says whether there was such. */
  forgetOlder(key: string, ageMs: number): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.setAt + ageMs > this.now()) return false;
    return this.#entries.delete(key);
  }

  forget(key: string): void {
    this.#entries.delete(key);
  }
}
