import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { format, resolveConfig } from 'prettier';

import { root } from './prepare.mjs';

const begin = '<!-- compatibility: made by npm run generate from docs/compatibility.json -->';
const end = '<!-- end of compatibility -->';

const payers = {
  eoa: { title: 'EOA' },
  erc1271: { title: 'smart wallet (ERC-1271)', contract: 'DevWalletFactory' },
  erc6492: { title: 'wallet not yet deployed (ERC-6492)', contract: 'DevWalletFactory' },
  eip7702: { title: 'EIP-7702 account', contract: 'Simple7702Account' },
};

/** README with its table as the last recorded run of the matrix has it. */
export async function readmeWithTable() {
  const path = join(root, 'README.md');
  const recorded = JSON.parse(readFileSync(join(root, 'docs', 'compatibility.json'), 'utf8'));
  const section = await format(compatibilitySection(recorded), {
    ...(await resolveConfig(path)),
    parser: 'markdown',
  });
  return spliced(readFileSync(path, 'utf8'), section);
}

/** The text with what is between the marks replaced. */
export function spliced(text, section) {
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from === -1 || to < from) throw new Error(`README.md lacks the marks ${begin} and ${end}`);
  return `${text.slice(0, from)}${begin}\n\n${section}\n${text.slice(to)}`;
}

/** The table of ways to pay and payers, the one of clients and servers, and what contracts they were tried with. */
export function compatibilitySection({ packages, contracts, reasons, pairNotes, rows }) {
  const letters = new Map(Object.keys(reasons).map((reason, index) => [reason, 'abcdefgh'[index]]));
  const standIns = new Set(contracts.filter(({ genuine }) => !genuine).map(({ name }) => name.split(' ')[0]));
  const mark = (contract) => (standIns.has(contract) ? ' †' : '');
  const cell = ({ bought, why }) => (why === undefined ? `✓ ${bought.length}` : `— (${letters.get(why)})`);
  return [
    ...table(
      ['', ...Object.values(payers).map(({ title, contract }) => `${title}${mark(contract)}`)],
      rows.map(({ protocol, method, contract, cells }) => [
        `${protocol} ${method}${mark(contract)}`,
        ...Object.keys(payers).map((payer) => cell(cells[payer])),
      ]),
    ),
    '',
    '✓ and the number of pairs of client and server that did it; † through a contract that is our own stand-in, as the token is in every row; — there is no such payment:',
    '',
    ...Object.entries(reasons).map(([reason, text]) => `- (${letters.get(reason)}) ${text}`),
    '',
    'The pairs, with the number of ways in which each did business:',
    '',
    ...pairTable(rows, packages),
    '',
    ...pairNotes.map((note) => `- ${note}`),
    '',
    'The contracts of the local chain that this runs on:',
    '',
    ...table(
      ['contract', 'code', 'from'],
      contracts.map(({ name, genuine, from }) => [name, genuine ? 'genuine' : 'stand-in †', from]),
    ),
    '',
  ].join('\n');
}

function pairTable(rows, packages) {
  const pairs = rows
    .flatMap(({ cells }) => Object.values(cells))
    .flatMap(({ bought = [] }) => bought)
    .map((pair) => pair.split(' from '));
  const distinct = (index) => [...new Set(pairs.map((pair) => pair[index]))].sort();
  const servers = distinct(1);
  const versioned = (name) => `\`${name}\` ${packages[name]}`;
  return table(
    ['client ↓ server →', ...servers.map(versioned)],
    distinct(0).map((client) => [
      versioned(client),
      ...servers.map((server) => pairs.filter(([a, b]) => a === client && b === server).length || '—'),
    ]),
  );
}

function table(head, rows) {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`);
}
