import { dayOf } from '../moment/moment.js';
import type { PlainTextFormat } from './plain-text.js';

/** The books as an hledger journal: https://hledger.org/hledger.html#journal */

const account = (code: string, layer: string): string => `${code}:${layer}`;
const openingAccount = 'equity:opening balances';

/** What hledger would take for the end of a comment or of a name is not in any of our texts; two blanks are not either. */
const comment = (text: string): string => text.replaceAll(/[\r\n]+/g, ' ');

export const hledger: PlainTextFormat = {
  mediaType: 'text/x-hledger; charset=utf-8',
  extension: 'journal',
  comment: (text) => `; ${comment(text)}\n`,
  begin: (title, opensOn) =>
    `; ${comment(title)}\ndecimal-mark .\n\n${opensOn === null ? '' : `account ${openingAccount}\n\n`}`,
  amount: ({ name }, decimal) => `${decimal} "${name}"`,
  commodity: ({ name, asset, scale }) =>
    `commodity 1000.${'0'.repeat(scale)} "${name}"\n    ; asset: ${asset}\n`,
  open: ({ code, layer }) => `account ${account(code, layer)}\n`,
  opening: ({ code, layer, amount, contra, day }) =>
    `${day} * opening balance\n    ${account(code, layer)}  ${amount}\n    ${openingAccount}  ${contra}\n\n`,
  transaction: ({ position, transaction }, amountOf) => {
    const { id, event, paymentId, chainTransaction, effectiveAt, occurredAt, sourceEventId, reverses } =
      transaction;
    const tags = [
      ['transaction', id],
      ['position', String(position)],
      ['payment', paymentId],
      ['chain-transaction', chainTransaction],
      ['source-event', sourceEventId],
      ['effective', effectiveAt],
      ['occurred', occurredAt],
      ['reverses', reverses],
    ].flatMap(([key, value]) => (value === null || value === undefined ? [] : [`    ; ${key}: ${value}\n`]));
    const postings = transaction.entries.map(
      ({ account: code, layer, asset, amount }) =>
        `    ${account(code, layer)}  ${amountOf(asset, BigInt(amount))}\n`,
    );
    return `${dayOf(effectiveAt)} * ${event}\n${tags.join('')}${postings.join('')}\n`;
  },
  // Behind all transactions of the file, and so behind those of its day.
  closing: ({ code, layer, decimal, commodity, day }) =>
    `${day} * closing balance\n    ${account(code, layer)}  0 "${commodity.name}" = ${decimal} "${commodity.name}"\n\n`,
  closingsComeLast: true,
};
