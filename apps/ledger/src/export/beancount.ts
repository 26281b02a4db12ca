import { dayAfter, dayOf } from '../moment/moment.js';
import type { Layer } from '../posting/line.js';
import { type AccountClass, chartRuleOf } from '../posting/chart.js';
import type { SealedTransaction } from '../proof/sealed-transaction.js';
import type { Commodity } from './commodity.js';
import type { PlainTextFormat } from './plain-text.js';

/** The books as Beancount 2 and 3 read them: https://beancount.github.io/docs/beancount_language_syntax.html */

const roots: Readonly<Record<AccountClass, string>> = {
  asset: 'Assets',
  liability: 'Liabilities',
  // Money of others: neither owned nor owed.
  memo: 'Equity',
  equity: 'Equity',
  revenue: 'Income',
  expense: 'Expenses',
};

/** A part of an account's name begins with a capital or a digit, and has letters, digits and hyphens. Different parts stay so. */
function component(text: string): string {
  const plain = text
    .replaceAll('-', '--')
    .replaceAll(/[^-a-zA-Z0-9]/g, (sign) => `-${sign.charCodeAt(0).toString(16)}-`);
  if (/^[a-z]/.test(plain)) return `${plain[0]?.toUpperCase()}${plain.slice(1)}`;
  return /^[0-9]/.test(plain) ? plain : `0-${plain}`;
}

export function beancountAccount(code: string, layer: Layer): string {
  const root = roots[chartRuleOf(code)?.class ?? 'memo'];
  const [book = '', ...parts] = code.split(':');
  return [root, book, ...parts.map(component), component(layer)].join(':');
}

const quoted = (text: string): string => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

function transactionText(
  { position, transaction }: { readonly position: number; readonly transaction: SealedTransaction },
  amountOf: (asset: string, amount: bigint) => string,
): string {
  const { id, event, paymentId, chainTransaction, effectiveAt, occurredAt, sourceEventId, reverses } =
    transaction;
  const link = paymentId === null ? '' : ` ^payment-${paymentId}`;
  const details = [
    ['transaction', id],
    ['position', String(position)],
    ['source-event', sourceEventId],
    ['effective', effectiveAt],
    ['occurred', occurredAt],
    ['chain-transaction', chainTransaction],
    ['reverses', reverses],
  ];
  const metadata = details.flatMap(([key, value]) =>
    key === null || key === undefined || value === null || value === undefined
      ? []
      : [`  ${key}: ${quoted(value)}\n`],
  );
  const postings = transaction.entries.map(
    ({ account, layer, asset, amount }) =>
      `  ${beancountAccount(account, layer)}  ${amountOf(asset, BigInt(amount))}\n`,
  );
  return `${dayOf(effectiveAt)} * ${quoted(event)}${link}\n${metadata.join('')}${postings.join('')}\n`;
}

const openingAccount = 'Equity:Opening-Balances';

export const beancount: PlainTextFormat = {
  mediaType: 'text/x-beancount; charset=utf-8',
  extension: 'beancount',
  comment: (text) => `; ${text}\n`,
  begin: (title, opensOn) =>
    `option "title" ${quoted(title)}\n\n${opensOn === null ? '' : `${opensOn} open ${openingAccount}\n\n`}`,
  amount: ({ name }, decimal) => `${decimal} ${name}`,
  commodity: ({ name, asset, scale }: Commodity, since) =>
    `${since} commodity ${name}\n  asset: ${quoted(asset)}\n  scale: ${quoted(String(scale))}\n`,
  open: ({ code, layer, commodities, day }) => {
    const names = commodities.map(({ name }) => name).join(',');
    return `${day} open ${beancountAccount(code, layer)} ${names}\n  code: ${quoted(code)}\n`;
  },
  opening: ({ code, layer, amount, contra, day }) =>
    `${day} * "opening balance"\n  ${beancountAccount(code, layer)}  ${amount}\n  ${openingAccount}  ${contra}\n`,
  transaction: transactionText,
  // Beancount looks at the start of a day, before anything of it.
  closing: ({ code, layer, decimal, commodity, day }) =>
    `${dayAfter(day)} balance ${beancountAccount(code, layer)}  ${decimal} ~ 0 ${commodity.name}\n`,
  closingsComeLast: false,
};
