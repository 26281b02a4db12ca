import { type Block, blocksOf, Calendar, Excess, Failures, Sums } from './plain-text-blocks.js';

/**
 * A strict reader of what we export as Beancount, sharing nothing with what writes it: accounts are opened and commodities
 * declared before use, transactions add up to zero, every asserted balance is exactly so. Where bean-check is installed it
 * has the last word; this runs everywhere.
 */
export function checkBeancount(text: string): {
  failures: string[];
  assertions: number;
  transactions: number;
} {
  const reader = new BeancountReader();
  for (const block of blocksOf(text)) reader.read(block);
  return reader.finish();
}

const posting = /^ {2}([A-Z]\S*) {2}(-?[0-9]+(?:\.[0-9]+)?) (\S+)$/;
const metadata = /^ {2}[a-z][-a-z0-9]*: "[^"\n]*"$/;
const assertion = /^\S+ balance (\S+) {2}(-?[0-9.]+) ~ 0 (\S+)$/;
const accountPattern = /^(Assets|Liabilities|Equity|Income|Expenses)(:[A-Z0-9][A-Za-z0-9-]*)+$/;
const commodityPattern = /^[A-Z][A-Z0-9'._-]{0,22}[A-Z0-9]$/;

type Opened = { readonly day: string; readonly commodities: readonly string[] | null };

class BeancountReader {
  readonly #failures = new Failures();
  readonly #sums = new Sums();
  readonly #opened = new Map<string, Opened>();
  readonly #commodities = new Set<string>();
  readonly #calendar = new Calendar();
  #assertions = 0;
  #transactions = 0;

  read({ head, rest }: Block): void {
    const [, word = ''] = head.split(/ +/);
    switch (word) {
      case 'commodity':
        return this.#declare(head);
      case 'open':
        return this.#open(head);
      case 'balance':
        return this.#assert(head);
      case '*':
        return this.#transact(head, rest);
      default:
        if (!head.startsWith(';') && !head.startsWith('option ')) this.#failures.add(head, 'not understood');
    }
  }

  finish(): { failures: string[]; assertions: number; transactions: number } {
    this.#calendar.apply();
    return {
      failures: this.#failures.list,
      assertions: this.#assertions,
      transactions: this.#transactions,
    };
  }

  #declare(head: string): void {
    const [, , name = ''] = head.split(/ +/);
    if (!commodityPattern.test(name)) this.#failures.add(head, 'no commodity');
    this.#commodities.add(name);
  }

  #open(head: string): void {
    const [day = '', , name = '', held] = head.split(/ +/);
    if (!accountPattern.test(name)) this.#failures.add(head, 'no account');
    if (this.#opened.has(name)) this.#failures.add(head, 'opened twice');
    this.#opened.set(name, { day, commodities: held?.split(',') ?? null });
  }

  /** Balances are asserted at the start of the day, before its transactions. */
  #assert(head: string): void {
    const match = assertion.exec(head);
    if (match === null) return this.#failures.add(head, 'no assertion');
    const [, account = '', decimal = '', commodity = ''] = match;
    const amount = this.#sums.read(decimal, commodity);
    this.#assertions += 1;
    const apply = (): void => {
      const held = this.#sums.of(account, commodity);
      if (held !== amount) this.#failures.add(head, `is ${held} at the start of the day`);
      if (!this.#opened.has(account)) this.#failures.add(head, 'not opened');
    };
    this.#calendar.add({ day: dayOf(head), rank: 0, apply });
  }

  #transact(head: string, rest: readonly string[]): void {
    this.#transactions += 1;
    const postings = rest.filter((line) => !metadata.test(line));
    const day = dayOf(head);
    const apply = (): void => {
      const excess = new Excess();
      for (const line of postings) this.#post(line, { day, excess });
      if (!excess.isBalanced) this.#failures.add(head, 'out of balance');
    };
    this.#calendar.add({ day, rank: 1, apply });
  }

  #post(line: string, { day, excess }: { readonly day: string; readonly excess: Excess }): void {
    const [, account = '', decimal = '', commodity = ''] = posting.exec(line) ?? [];
    const open = this.#opened.get(account);
    if (open === undefined || open.day > day) this.#failures.add(line, 'posted to what is not open');
    if (!this.#commodities.has(commodity)) this.#failures.add(line, 'a commodity that is not declared');
    if (open?.commodities?.includes(commodity) === false) this.#failures.add(line, 'another commodity');
    const amount = this.#sums.read(decimal, commodity);
    excess.add(commodity, amount);
    this.#sums.add(account, commodity, amount);
  }
}

const dayOf = (head: string): string => head.slice(0, 10);
