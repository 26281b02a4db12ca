/**
 * The chart of accounts as data: which codes there may be, and what an account is by its code. Book F holds what the
 * facilitator moved but never owned, book G its own wallets, claims and costs. The database holds the same rules
 * (`ledger.chart`, `ledger.account_class`) and lets nothing else become an account; a test compares the two.
 *
 * In a code, `{chain}` is a CAIP-2 id (two segments), `{address}` an EVM address in lower case, `{merchant}` a merchant's
 * name or address, `{scheme}` a scheme of x402, and `{a|b}` one of the words in it.
 */
export type AccountClass = 'memo' | 'asset' | 'liability' | 'equity' | 'revenue' | 'expense';

export type ChartRule = {
  readonly code: string;
  readonly class: AccountClass;
  /** The side on which its balance lies when all is well. */
  readonly normal: 'debit' | 'credit';
  /**
   * The least that a decision of ours may leave on it, on its normal side; null where anything goes. What the chain did
   * is booked all the same: a refusal would not undo it.
   */
  readonly floor: 0 | null;
  readonly meaning: string;
};

export const chart = [
  {
    code: 'F:payer:{chain}:{address}',
    class: 'memo',
    normal: 'credit',
    floor: null,
    meaning: 'What an address paid through us, less what came back to it.',
  },
  {
    code: 'F:merchant:{chain}:{address}',
    class: 'memo',
    normal: 'debit',
    floor: null,
    meaning: 'What arrived at an address, less what it gave back.',
  },
  {
    code: 'F:transit:{chain}',
    class: 'memo',
    normal: 'debit',
    floor: null,
    meaning: 'Submitted and not settled; back to 0 for every payment.',
  },
  {
    code: 'F:authorized:{chain}',
    class: 'memo',
    normal: 'debit',
    floor: null,
    meaning: 'Accepted and not submitted; back to 0 for every payment.',
  },
  {
    code: 'F:suspense:token-fee:{chain}',
    class: 'memo',
    normal: 'debit',
    floor: null,
    meaning: 'What a token kept of a payment on its way; such a token should not be accepted.',
  },
  {
    code: 'G:expense:gas:{chain}:{ok|reverted|missed|filler|topup|given|replaced|sponsored}',
    class: 'expense',
    normal: 'debit',
    floor: null,
    meaning: 'What mined transactions cost, by what came of them.',
  },
  {
    code: 'G:wallet:relayer:{chain}:{address}',
    class: 'asset',
    normal: 'debit',
    floor: 0,
    meaning: 'An account of ours that pays gas.',
  },
  {
    code: 'G:transit:{gas|topup}:{chain}',
    class: 'asset',
    normal: 'debit',
    floor: null,
    meaning:
      'The most that transactions under way may cost, or own money between own wallets; back to 0 for each.',
  },
  {
    code: 'G:receivable:fees:{merchant}',
    class: 'asset',
    normal: 'debit',
    floor: 0,
    meaning: 'Fees that a merchant owes us.',
  },
  {
    code: 'G:revenue:fee:{scheme}',
    class: 'revenue',
    normal: 'credit',
    floor: null,
    meaning: 'Fees of settled payments.',
  },
  {
    code: 'G:revenue:fee:{scheme}:refunded',
    class: 'revenue',
    normal: 'debit',
    floor: null,
    meaning: 'Fees given back; taken from the revenue.',
  },
  {
    code: 'G:wallet:treasury:{chain}:{address}',
    class: 'asset',
    normal: 'debit',
    floor: 0,
    meaning: 'An account of ours that holds what we own.',
  },
  {
    code: 'G:suspense:{chain}',
    class: 'liability',
    normal: 'credit',
    floor: null,
    meaning: 'What reached or left a wallet of ours and nobody can explain yet.',
  },
  {
    code: 'G:suspense:token-fee:{chain}',
    class: 'liability',
    normal: 'credit',
    floor: null,
    meaning: 'What a token kept of a transfer between wallets of ours.',
  },
  {
    code: 'G:expense:{loss-reorg|writeoff}',
    class: 'expense',
    normal: 'debit',
    floor: null,
    meaning: 'What a reorganization cost, and claims that will not be paid.',
  },
  {
    code: 'G:rounding',
    class: 'expense',
    normal: 'debit',
    floor: null,
    meaning: 'Units that no party can be given; untouched as long as every division keeps its remainder.',
  },
  {
    code: 'G:trading',
    class: 'equity',
    normal: 'credit',
    floor: null,
    meaning: 'The other side of a conversion, so that each of the two assets balances by itself.',
  },
  {
    code: 'G:equity:{opening|capital}',
    class: 'equity',
    normal: 'credit',
    floor: null,
    meaning: 'What was there when the books began, and what the owners put in.',
  },
] as const satisfies readonly ChartRule[];

/** What there is in place of a code that is not in the chart: codes of the same kind, or all of its book. */
export function codesLike(code: string): readonly string[] {
  const [book, kind] = code.split(':');
  const ofBook = chart.map((rule) => rule.code).filter((known) => known.split(':')[0] === book);
  const alike = ofBook.filter((known) => known.split(':')[1] === kind);
  return alike.length > 0 ? alike : ofBook;
}

/** A part of a code between two colons: what it may hold, and how many characters. */
export type ChartSegment = { readonly pattern: string; readonly length: readonly [number, number] | null };

const placeholders: Readonly<Record<string, readonly ChartSegment[]>> = {
  '{chain}': [
    { pattern: '[-a-z0-9]', length: [3, 8] },
    { pattern: '[-_a-zA-Z0-9]', length: [1, 32] },
  ],
  '{address}': [{ pattern: '0x[0-9a-f]', length: [42, 42] }],
  '{merchant}': [{ pattern: '[-a-z0-9]', length: [1, 64] }],
  '{scheme}': [{ pattern: '[-a-z0-9]', length: [1, 32] }],
};

/** The parts of the codes of a rule; one without a length is to be taken as it is. */
export function segmentsOf({ code }: ChartRule): readonly ChartSegment[] {
  return code.split(':').flatMap((part) => {
    const choice = part.includes('|') ? `(${part.slice(1, -1)})` : part;
    return placeholders[part] ?? [{ pattern: choice, length: null }];
  });
}

/** The one pattern that says all of a rule. */
export function patternOf(rule: ChartRule): string {
  const parts = segmentsOf(rule).map(({ pattern, length }) => {
    if (length === null) return pattern;
    const [min, max] = length;
    // What comes before the set counts too: the `0x` of an address.
    const fixed = pattern.indexOf('[');
    return `${pattern}{${min - fixed}${min === max ? '' : `,${max - fixed}`}}`;
  });
  return `^${parts.join(':')}$`;
}

const patterns = chart.map((rule) => ({ rule, pattern: new RegExp(patternOf(rule)) }));

/** The rule that a code follows; null where the chart has no such account. */
export function chartRuleOf(code: string): ChartRule | null {
  return patterns.find(({ pattern }) => pattern.test(code))?.rule ?? null;
}
