/**
 * Strict readers of what we export as Beancount and as an hledger journal, sharing nothing with what writes it: accounts are
 * opened and commodities declared before use, transactions add up to zero, every asserted balance is exactly so. Where the
 * formats' own checkers are installed they have the last word; these run everywhere.
 */

type Book = { balances: Map<string, bigint>; assertions: number; transactions: number };
type Dated = { readonly day: string; readonly rank: number; readonly apply: () => void };

const failures = (): { list: string[]; add: (line: string, why: string) => void } => {
  const list: string[] = [];
  return { list, add: (line, why) => list.push(`${why}: ${line}`) };
};

/** Atomic units, and of how many decimals. */
function atomic(decimal: string): { amount: bigint; scale: number } {
  const [whole = '', fraction = ''] = decimal.split('.');
  return { amount: BigInt(`${whole}${fraction}`), scale: fraction.length };
}

class Sums {
  readonly balances = new Map<string, bigint>();
  readonly scales = new Map<string, number>();

  read(decimal: string, commodity: string): bigint {
    const { amount, scale } = atomic(decimal);
    const known = this.scales.get(commodity) ?? scale;
    this.scales.set(commodity, known);
    if (known !== scale) throw new RangeError(`${decimal} ${commodity} has not ${known} decimals`);
    return amount;
  }

  add(account: string, commodity: string, amount: bigint): void {
    const key = `${account} ${commodity}`;
    this.balances.set(key, (this.balances.get(key) ?? 0n) + amount);
  }

  of(account: string, commodity: string): bigint {
    return this.balances.get(`${account} ${commodity}`) ?? 0n;
  }
}

const beancountPosting = /^ {2}([A-Z]\S*) {2}(-?[0-9]+(?:\.[0-9]+)?) (\S+)$/;
const beancountAccount = /^(Assets|Liabilities|Equity|Income|Expenses)(:[A-Z0-9][A-Za-z0-9-]*)+$/;
const beancountCommodity = /^[A-Z][A-Z0-9'._-]{0,22}[A-Z0-9]$/;

export function checkBeancount(text: string): Book & { failures: string[] } {
  const { list, add } = failures();
  const sums = new Sums();
  const opened = new Map<string, { day: string; commodities: readonly string[] | null }>();
  const commodities = new Set<string>();
  const dated: Dated[] = [];
  const book: Book = { balances: sums.balances, assertions: 0, transactions: 0 };
  for (const block of blocksOf(text)) {
    const [head = '', ...rest] = block;
    const [day = '', word = '', name = ''] = head.split(/ +/);
    if (word === 'commodity') {
      if (!beancountCommodity.test(name)) add(head, 'no commodity');
      commodities.add(name);
    } else if (word === 'open') {
      if (!beancountAccount.test(name)) add(head, 'no account');
      if (opened.has(name)) add(head, 'opened twice');
      opened.set(name, { day, commodities: head.split(/ +/)[3]?.split(',') ?? null });
    } else if (word === 'balance') {
      const match = /^\S+ balance (\S+) {2}(-?[0-9.]+) ~ 0 (\S+)$/.exec(head);
      if (match === null) {
        add(head, 'no assertion');
        continue;
      }
      const [, account = '', decimal = '', commodity = ''] = match;
      const amount = sums.read(decimal, commodity);
      book.assertions += 1;
      // At the start of the day, before its transactions.
      const apply = (): void => {
        if (sums.of(account, commodity) !== amount)
          add(head, `is ${sums.of(account, commodity)} at the start of the day`);
        if (!opened.has(account)) add(head, 'not opened');
      };
      dated.push({ day, rank: 0, apply });
    } else if (word === '*') {
      book.transactions += 1;
      const postings = rest.filter((line) => !/^ {2}[a-z][-a-z0-9]*: "[^"\n]*"$/.test(line));
      const apply = (): void => {
        const excess = new Map<string, bigint>();
        for (const line of postings) {
          const [, account = '', decimal = '', commodity = ''] = beancountPosting.exec(line) ?? [];
          const open = opened.get(account);
          if (account === '' || open === undefined || open.day > day) add(line, 'posted to what is not open');
          if (!commodities.has(commodity) || open?.commodities?.includes(commodity) === false)
            add(line, 'another commodity');
          const amount = sums.read(decimal, commodity);
          excess.set(commodity, (excess.get(commodity) ?? 0n) + amount);
          sums.add(account, commodity, amount);
        }
        if ([...excess.values()].some((sum) => sum !== 0n)) add(head, 'out of balance');
      };
      dated.push({ day, rank: 1, apply });
    } else if (!head.startsWith(';') && !head.startsWith('option ')) add(head, 'not understood');
  }
  for (const { apply } of dated.sort((a, b) => (a.day === b.day ? a.rank - b.rank : a.day < b.day ? -1 : 1)))
    apply();
  return { ...book, failures: list };
}

const hledgerPosting =
  /^ {4}(\S+(?: \S+)*) {2}(-?[0-9]+(?:\.[0-9]+)?) "([^"]+)"(?: = (-?[0-9]+(?:\.[0-9]+)?) "([^"]+)")?$/;

export function checkHledger(text: string): Book & { failures: string[] } {
  const { list, add } = failures();
  const sums = new Sums();
  const accounts = new Set<string>();
  const commodities = new Set<string>();
  const dated: Dated[] = [];
  const book: Book = { balances: sums.balances, assertions: 0, transactions: 0 };
  for (const block of blocksOf(text)) {
    const [head = '', ...rest] = block;
    if (head.startsWith('account ')) accounts.add(head.slice('account '.length));
    else if (head.startsWith('commodity ')) {
      const [, decimal = '', name = ''] = /^commodity (1000\.[0]*) "([^"]+)"$/.exec(head) ?? [];
      commodities.add(name);
      if (decimal.length > 5) sums.scales.set(name, decimal.length - 5);
    } else if (/^[0-9-]{10} \* /.test(head)) {
      book.transactions += 1;
      const apply = (): void => {
        const excess = new Map<string, bigint>();
        for (const line of rest.filter((one) => !one.startsWith('    ;'))) {
          const [, account = '', decimal = '', commodity = '', asserted] = hledgerPosting.exec(line) ?? [];
          if (!accounts.has(account)) add(line, 'an account that is not declared');
          if (!commodities.has(commodity)) add(line, 'a commodity that is not declared');
          // A bare 0 has no decimals.
          const amount = decimal === '0' ? 0n : sums.read(decimal, commodity);
          excess.set(commodity, (excess.get(commodity) ?? 0n) + amount);
          sums.add(account, commodity, amount);
          if (asserted === undefined) continue;
          book.assertions += 1;
          if (sums.of(account, commodity) !== sums.read(asserted, commodity)) {
            add(line, `is ${sums.of(account, commodity)}`);
          }
        }
        if ([...excess.values()].some((sum) => sum !== 0n)) add(head, 'out of balance');
      };
      dated.push({ day: head.slice(0, 10), rank: dated.length, apply });
    } else if (!head.startsWith(';') && !head.startsWith('decimal-mark')) add(head, 'not understood');
  }
  for (const { apply } of dated.sort((a, b) => (a.day === b.day ? a.rank - b.rank : a.day < b.day ? -1 : 1)))
    apply();
  return { ...book, failures: list };
}

/** A line that does not begin with a blank, and those below it that do. */
function blocksOf(text: string): string[][] {
  const blocks: string[][] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    if (/^\s/.test(line)) blocks.at(-1)?.push(line);
    else blocks.push([line]);
  }
  return blocks;
}
