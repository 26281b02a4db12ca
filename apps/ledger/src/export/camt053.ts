import { hash } from 'node:crypto';

import { formatDecimal } from '@quittance/money';

import type { AssetView } from '../asset/asset-directory.js';
import { chartRuleOf } from '../posting/chart.js';
import type { Sums } from '../rollup/sums.js';
import type { StatementLine } from '../statement/statement.schema.js';

/**
 * Bank-to-customer statement, ISO 20022 camt.053.001.08: one statement a day. ISO 4217 has no code for tokens, and an amount
 * has five decimals and eighteen digits at most: amounts are whole atomic units of `XXX`, and the decimal amount with its
 * asset stands in the entry's additional information. What has more digits than that has no camt.053.
 */

export const camtNamespace = 'urn:iso:std:iso:20022:tech:xsd:camt.053.001.08';
const currency = 'XXX';
/** The first amount that has too many digits. */
export const camtAmountEnd = 10n ** 18n;
const text35 = 35;
const text34 = 34;
const text70 = 70;
const text500 = 500;

export type CamtAccount = {
  readonly code: string;
  readonly asset: AssetView;
  readonly layer: string;
  readonly from: string;
  readonly to: string;
  /** When the seal was made that it is of. */
  readonly knownAt: string;
};

export type CamtDay = {
  readonly day: string;
  readonly opening: bigint;
  readonly within: Sums;
  readonly closing: bigint;
};

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
/** What XML cannot hold at all is left out; our own texts have none of it. */
const xml = (text: string): string =>
  text
    .replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD]/g, '')
    .replaceAll(/[&<>"]/g, (sign) => escapes[sign] ?? '');
const element = (name: string, text: string): string => `<${name}>${xml(text)}</${name}>`;
const amountElement = (amount: bigint): string => `<Amt Ccy="${currency}">${magnitude(amount)}</Amt>`;
const magnitude = (amount: bigint): bigint => (amount < 0n ? -amount : amount);

const digest = (text: string, length: number): string => hash('sha256', text, 'hex').slice(0, length);

/** As a bank says it: a credit makes what is on the account more. On accounts of debts and earnings our credits do. */
function indicatorOf(code: string, amount: bigint): 'CRDT' | 'DBIT' {
  const grows =
    chartRuleOf(code)?.normal === 'credit' && !code.startsWith('F:') ? amount <= 0n : amount >= 0n;
  return grows ? 'CRDT' : 'DBIT';
}

export function camtBegin(account: CamtAccount): string {
  const message = digest(JSON.stringify(account), 32);
  return (
    `<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="${camtNamespace}">\n<BkToCstmrStmt>\n` +
    `<GrpHdr>${element('MsgId', message)}${element('CreDtTm', account.knownAt)}</GrpHdr>\n`
  );
}

export const camtEnd = '</BkToCstmrStmt>\n</Document>\n';

export function camtDayBegin(account: CamtAccount, { day, opening, within, closing }: CamtDay): string {
  const { code, asset, layer, knownAt } = account;
  const balance = (kind: 'OPBD' | 'CLBD', amount: bigint): string =>
    `<Bal><Tp><CdOrPrtry>${element('Cd', kind)}</CdOrPrtry></Tp>${amountElement(amount)}` +
    `${element('CdtDbtInd', indicatorOf(code, amount))}<Dt>${element('Dt', day)}</Dt></Bal>\n`;
  const isCreditSide = indicatorOf(code, 1n) === 'DBIT';
  const [more, less] = isCreditSide ? (['credit', 'debit'] as const) : (['debit', 'credit'] as const);
  const total = (name: string, side: 'debit' | 'credit'): string =>
    `<${name}>${element('NbOfNtries', String(within[`${side}s`]))}${element('Sum', String(within[side]))}</${name}>`;
  const id = digest(`${JSON.stringify(account)} ${day}`, 32);
  return (
    `<Stmt>\n${element('Id', id)}${element('CreDtTm', knownAt)}` +
    `<FrToDt>${element('FrDtTm', `${day}T00:00:00Z`)}${element('ToDtTm', `${day}T23:59:59.999Z`)}</FrToDt>\n` +
    `<Acct><Id><Othr>${element('Id', digest(`${code} ${asset.id} ${layer}`, text34))}` +
    `<SchmeNm>${element('Prtry', 'QUITTANCE')}</SchmeNm></Othr></Id>` +
    `${element('Ccy', currency)}${element('Nm', code.slice(0, text70))}</Acct>\n` +
    `${balance('OPBD', opening)}${balance('CLBD', closing)}` +
    `<TxsSummry>${total('TtlCdtNtries', more)}${total('TtlDbtNtries', less)}</TxsSummry>\n`
  );
}

export function camtDayEnd({ code, asset, layer }: CamtAccount): string {
  const scale = asset.scale === null ? 'whose decimals are not known' : `of which 10^${asset.scale} are 1`;
  const about = `Account ${code}, layer ${layer}. Amounts in atomic units of ${asset.id}, ${scale}.`;
  return `${element('AddtlStmtInf', about.slice(0, text500))}\n</Stmt>\n`;
}

export function camtEntry({ code, asset }: CamtAccount, line: StatementLine): string {
  const amount = BigInt(line.amount);
  const reference = `${line.transactionId}/${line.line}`;
  const { chainTransaction: hash, paymentId } = line;
  const decimal = asset.scale === null ? line.amount : formatDecimal(amount, asset.scale);
  const about = [
    `${decimal} ${asset.symbol ?? ''} (${asset.id})`,
    ...(hash === null ? [] : [`transaction ${hash}`]),
    ...(paymentId === null ? [] : [`payment ${paymentId}`]),
    `occurred ${line.occurredAt}`,
  ].join(', ');
  return (
    `<Ntry>${element('NtryRef', reference.slice(0, text35))}${amountElement(amount)}` +
    `${element('CdtDbtInd', indicatorOf(code, amount))}<Sts>${element('Cd', 'BOOK')}</Sts>` +
    `<BookgDt>${element('Dt', line.day)}</BookgDt><ValDt>${element('DtTm', line.effectiveAt)}</ValDt>` +
    // The whole hash has too many characters for a reference; it stands below.
    `${hash === null ? '' : element('AcctSvcrRef', hash.slice(2, 2 + text35))}` +
    `<BkTxCd><Prtry>${element('Cd', line.event.slice(0, text35))}${element('Issr', 'QUITTANCE')}</Prtry></BkTxCd>` +
    `${element('AddtlNtryInf', about.slice(0, text500))}</Ntry>\n`
  );
}
