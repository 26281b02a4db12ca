/**
 * What camt.053.001.08 says of the elements that we write: their order, how often they come, and what is in them. Read off the
 * published schema; where that is installed it has the last word, and this runs everywhere.
 */

type Rule = { readonly children?: readonly string[]; readonly text?: RegExp };

const text = (max: number): RegExp => new RegExp(`^[^]{1,${max}}$`, 'u');
const amount = /^(?=[0-9.]{1,19}$)[0-9]{1,18}(\.[0-9]{1,5})?$/;
const day = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/;
const time = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z$/;

/** By path from the root. A child with `?` may be missing, with `*` come often, with `+` often and at least once. */
const rules: Readonly<Record<string, Rule>> = {
  Document: { children: ['BkToCstmrStmt'] },
  BkToCstmrStmt: { children: ['GrpHdr', 'Stmt+'] },
  GrpHdr: { children: ['MsgId', 'CreDtTm'] },
  MsgId: { text: text(35) },
  CreDtTm: { text: time },
  Stmt: { children: ['Id', 'CreDtTm', 'FrToDt', 'Acct', 'Bal+', 'TxsSummry', 'Ntry*', 'AddtlStmtInf'] },
  'Stmt/Id': { text: text(35) },
  FrToDt: { children: ['FrDtTm', 'ToDtTm'] },
  FrDtTm: { text: time },
  ToDtTm: { text: time },
  Acct: { children: ['Id', 'Ccy', 'Nm'] },
  'Acct/Id': { children: ['Othr'] },
  Othr: { children: ['Id', 'SchmeNm'] },
  'Othr/Id': { text: text(34) },
  SchmeNm: { children: ['Prtry'] },
  'SchmeNm/Prtry': { text: text(35) },
  Ccy: { text: /^[A-Z]{3}$/ },
  Nm: { text: text(70) },
  Bal: { children: ['Tp', 'Amt', 'CdtDbtInd', 'Dt'] },
  Tp: { children: ['CdOrPrtry'] },
  CdOrPrtry: { children: ['Cd'] },
  'CdOrPrtry/Cd': { text: /^(OPBD|CLBD)$/ },
  Amt: { text: amount },
  CdtDbtInd: { text: /^(CRDT|DBIT)$/ },
  'Bal/Dt': { children: ['Dt'] },
  'Dt/Dt': { text: day },
  TxsSummry: { children: ['TtlCdtNtries', 'TtlDbtNtries'] },
  TtlCdtNtries: { children: ['NbOfNtries', 'Sum'] },
  TtlDbtNtries: { children: ['NbOfNtries', 'Sum'] },
  NbOfNtries: { text: /^[0-9]{1,15}$/ },
  Sum: { text: /^[0-9]{1,18}$/ },
  Ntry: {
    children: [
      'NtryRef',
      'Amt',
      'CdtDbtInd',
      'Sts',
      'BookgDt',
      'ValDt',
      'AcctSvcrRef?',
      'BkTxCd',
      'AddtlNtryInf',
    ],
  },
  NtryRef: { text: text(35) },
  Sts: { children: ['Cd'] },
  'Sts/Cd': { text: text(4) },
  BookgDt: { children: ['Dt'] },
  'BookgDt/Dt': { text: day },
  ValDt: { children: ['DtTm'] },
  DtTm: { text: time },
  AcctSvcrRef: { text: text(35) },
  BkTxCd: { children: ['Prtry'] },
  Prtry: { children: ['Cd', 'Issr'] },
  'Prtry/Cd': { text: text(35) },
  Issr: { text: text(35) },
  AddtlNtryInf: { text: text(500) },
  AddtlStmtInf: { text: text(500) },
};

type Xml = {
  readonly name: string;
  readonly children: Xml[];
  text: string;
  readonly attributes: string;
};

function parsedXml(xml: string): Xml {
  const root: Xml = { name: '', children: [], text: '', attributes: '' };
  const path = [root];
  for (const [, close, name = '', attributes = '', chars] of xml
    .replace(/^<\?xml [^>]*\?>/, '')
    .matchAll(/<(\/?)([A-Za-z]+)([^<>]*)>|([^<>]+)/g)) {
    const top = path.at(-1) ?? root;
    if (chars !== undefined) top.text += chars;
    else if (close === '/') {
      if (top.name !== name) throw new RangeError(`</${name}> closes <${top.name}>`);
      path.pop();
    } else {
      const element: Xml = { name, children: [], text: '', attributes };
      top.children.push(element);
      path.push(element);
    }
  }
  const [document] = root.children;
  if (path.length !== 1 || root.children.length !== 1 || document === undefined)
    throw new RangeError('not one root');
  return document;
}

export function checkCamt(xml: string): string[] {
  const document = parsedXml(xml);
  const namespace = document.attributes === ' xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"';
  return [...(namespace ? [] : ['another namespace']), ...check(document, '')];
}

/** The statement of one day. Amounts are positive on the side that the account's owner gains on. */
export type CamtDay = {
  readonly day: string;
  readonly opening: bigint;
  readonly closing: bigint;
  readonly entries: readonly bigint[];
};

/** The statements of a message, in its order. */
export const camtDaysOf = (xml: string): CamtDay[] =>
  childrenOf(parsedXml(xml).children[0], 'Stmt').map((statement) => {
    const balances = childrenOf(statement, 'Bal');
    const [opening = 0n, closing = 0n] = balances.map(signed);
    const day = childrenOf(childrenOf(balances[0], 'Dt')[0], 'Dt')[0]?.text ?? '';
    return { day, opening, closing, entries: childrenOf(statement, 'Ntry').map(signed) };
  });

const childrenOf = (element: Xml | undefined, name: string): Xml[] =>
  element?.children.filter((child) => child.name === name) ?? [];

const signed = (element: Xml): bigint => {
  const [sum] = childrenOf(element, 'Amt');
  const [indicator] = childrenOf(element, 'CdtDbtInd');
  return BigInt(sum?.text ?? '') * (indicator?.text === 'CRDT' ? 1n : -1n);
};

function check(element: Xml, parent: string): string[] {
  const { name, children } = element;
  const rule = rules[`${parent}/${name}`] ?? rules[name];
  if (rule === undefined) return [`${parent}/${name} is not expected`];
  if (rule.text !== undefined) {
    return children.length === 0 && rule.text.test(element.text)
      ? []
      : [`${parent}/${name} holds "${element.text}"`];
  }
  const order = new RegExp(
    `^${(rule.children ?? [])
      .map((child) => {
        const [, word = '', often = ''] = /^([A-Za-z]+)([?*+]?)$/.exec(child) ?? [];
        return `(?:${word} )${often}`;
      })
      .join('')}$`,
  );
  const found = children.map((child) => `${child.name} `).join('');
  const wrong = order.test(found) ? [] : [`${name} has ${found}`];
  return [...wrong, ...children.flatMap((child) => check(child, name))];
}
