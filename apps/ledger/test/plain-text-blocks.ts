/** What the readers of plain-text accounting share. */

/** A line that does not begin with a blank, and those below it that do. */
export type Block = { readonly head: string; readonly rest: readonly string[] };

export function blocksOf(text: string): Block[] {
  const blocks: { head: string; rest: string[] }[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    if (/^\s/.test(line)) blocks.at(-1)?.rest.push(line);
    else blocks.push({ head: line, rest: [] });
  }
  return blocks;
}

/** What was found wrong, each with its line. */
export class Failures {
  readonly list: string[] = [];

  add(line: string, why: string): void {
    this.list.push(`${why}: ${line}`);
  }
}

/** What is held where, in atomic units; a commodity has one number of decimals throughout. */
export class Sums {
  readonly balances = new Map<string, bigint>();
  readonly scales = new Map<string, number>();

  read(decimal: string, commodity: string): bigint {
    const [whole = '', fraction = ''] = decimal.split('.');
    const known = this.scales.get(commodity) ?? fraction.length;
    this.scales.set(commodity, known);
    if (known !== fraction.length) throw new RangeError(`${decimal} ${commodity} has not ${known} decimals`);
    return BigInt(`${whole}${fraction}`);
  }

  add(account: string, commodity: string, amount: bigint): void {
    const key = `${account} ${commodity}`;
    this.balances.set(key, (this.balances.get(key) ?? 0n) + amount);
  }

  of(account: string, commodity: string): bigint {
    return this.balances.get(`${account} ${commodity}`) ?? 0n;
  }
}

/** What the postings of one transaction come to, by commodity. */
export class Excess {
  readonly #sums = new Map<string, bigint>();

  add(commodity: string, amount: bigint): void {
    this.#sums.set(commodity, (this.#sums.get(commodity) ?? 0n) + amount);
  }

  get isBalanced(): boolean {
    return [...this.#sums.values()].every((sum) => sum === 0n);
  }
}

/** Something that takes place on a day; what has a lower rank comes first on it. */
type Dated = { readonly day: string; readonly rank: number; readonly apply: () => void };

/** Applies what a file tells in the order of its days, whatever the order of its lines. */
export class Calendar {
  readonly #dated: Dated[] = [];

  add(one: Dated): void {
    this.#dated.push(one);
  }

  apply(): void {
    const inOrder = this.#dated.toSorted((a, b) =>
      a.day === b.day ? a.rank - b.rank : a.day < b.day ? -1 : 1,
    );
    for (const { apply } of inOrder) apply();
  }
}
