import { type Block, blocksOf, Calendar, Excess, Failures, Sums } from './plain-text-blocks.js';

/**
 * A strict reader of what we export as an hledger journal, sharing nothing with what writes it: accounts and commodities are
 * declared before use, transactions add up to zero, every asserted balance is exactly so. Where hledger is installed it has
 * the last word; this runs everywhere.
 */
export function checkHledger(text: string): { failures: string[]; assertions: number } {
  const reader = new HledgerReader();
  for (const block of blocksOf(text)) reader.read(block);
  return reader.finish();
}

const posting =
  /^ {4}(\S+(?: \S+)*) {2}(-?[0-9]+(?:\.[0-9]+)?) "([^"]+)"(?: = (-?[0-9]+(?:\.[0-9]+)?) "([^"]+)")?$/;
/** A commodity is declared by a thousand of it, with all its decimals. */
const declaration = /^commodity (1000\.[0]*) "([^"]+)"$/;
const thousandLength = '1000.'.length;

class HledgerReader {
  readonly #failures = new Failures();
  readonly #sums = new Sums();
  readonly #accounts = new Set<string>();
  readonly #commodities = new Set<string>();
  readonly #calendar = new Calendar();
  #assertions = 0;
  #transactions = 0;

  read({ head, rest }: Block): void {
    if (head.startsWith('account ')) this.#accounts.add(head.slice('account '.length));
    else if (head.startsWith('commodity ')) this.#declare(head);
    else if (/^[0-9-]{10} \* /.test(head)) this.#transact(head, rest);
    else if (!head.startsWith(';') && !head.startsWith('decimal-mark'))
      this.#failures.add(head, 'not understood');
  }

  finish(): { failures: string[]; assertions: number } {
    this.#calendar.apply();
    return { failures: this.#failures.list, assertions: this.#assertions };
  }

  #declare(head: string): void {
    const [, decimal = '', name = ''] = declaration.exec(head) ?? [];
    this.#commodities.add(name);
    if (decimal.length > thousandLength) this.#sums.scales.set(name, decimal.length - thousandLength);
  }

  /** Within a day they come in the order of the file, as hledger reads them. */
  #transact(head: string, rest: readonly string[]): void {
    const postings = rest.filter((line) => !line.startsWith('    ;'));
    const apply = (): void => {
      const excess = new Excess();
      for (const line of postings) this.#post(line, excess);
      if (!excess.isBalanced) this.#failures.add(head, 'out of balance');
    };
    this.#calendar.add({ day: head.slice(0, 10), rank: this.#transactions, apply });
    this.#transactions += 1;
  }

  #post(line: string, excess: Excess): void {
    const [, account = '', decimal = '', commodity = '', asserted] = posting.exec(line) ?? [];
    if (!this.#accounts.has(account)) this.#failures.add(line, 'an account that is not declared');
    if (!this.#commodities.has(commodity)) this.#failures.add(line, 'a commodity that is not declared');
    // A bare 0 has no decimals.
    const amount = decimal === '0' ? 0n : this.#sums.read(decimal, commodity);
    excess.add(commodity, amount);
    this.#sums.add(account, commodity, amount);
    if (asserted !== undefined) this.#assert(line, { account, commodity, asserted });
  }

  #assert(
    line: string,
    { account, commodity, asserted }: { account: string; commodity: string; asserted: string },
  ): void {
    this.#assertions += 1;
    const held = this.#sums.of(account, commodity);
    if (held !== this.#sums.read(asserted, commodity)) this.#failures.add(line, `is ${held}`);
  }
}
