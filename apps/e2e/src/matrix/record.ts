import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { devContracts } from '@quittance/embedded';

import {
  absentMethods,
  clients,
  type Method,
  methods,
  pairNotes,
  type PayerKind,
  payerKinds,
  type Protocol,
  type Reason,
  reasons,
  servers,
  whyNot,
} from './plan.js';

/** What a combination came to in a run: the pairs that did business, or why there is none. */
type RecordedCell = { readonly bought: readonly string[] } | { readonly why: Reason };

export type Recorded = {
  readonly packages: Readonly<Record<string, string>>;
  readonly contracts: readonly { name: string; address: string; genuine: boolean; from: string }[];
  readonly reasons: Readonly<Record<string, string>>;
  readonly pairNotes: readonly string[];
  readonly rows: readonly {
    readonly protocol: Protocol;
    readonly method: string;
    /** The one that the money moves through, besides the token. */
    readonly contract: string | null;
    readonly cells: Readonly<Record<PayerKind, RecordedCell>>;
  }[];
};

const recordPath = fileURLToPath(new URL('../../../../docs/compatibility.json', import.meta.url));

/** The part of a run that does not change from one to the next, given who bought in each cell. */
export function recordOf(boughtIn: (methodId: string, payer: PayerKind) => readonly string[]): Recorded {
  const existing = methods.map((method) => ({
    protocol: method.protocol,
    method: method.title,
    contract: proxyOf(method),
    cells: byPayer((payer): RecordedCell => {
      const why = whyNot(method, payer);
      return why === null ? { bought: boughtIn(method.id, payer) } : { why };
    }),
  }));
  const absent = absentMethods.map(({ protocol, title, why }) => ({
    protocol,
    method: title,
    contract: null,
    cells: byPayer((): RecordedCell => ({ why })),
  }));
  const protocols: readonly Protocol[] = ['v1', 'v2', 'MPP'];
  return {
    packages: packageVersions(),
    contracts: devContracts.map(({ name, address, genuine, from }) => ({ name, address, genuine, from })),
    reasons,
    pairNotes,
    rows: protocols.flatMap((one) => [...existing, ...absent].filter(({ protocol }) => protocol === one)),
  };
}

function proxyOf({ scheme, transfer }: Method): string | null {
  if (transfer === 'eip3009') return null;
  return scheme === 'exact' ? 'x402ExactPermit2Proxy' : 'x402UptoPermit2Proxy';
}

function byPayer(cellOf: (payer: PayerKind) => RecordedCell): Record<PayerKind, RecordedCell> {
  return Object.fromEntries(payerKinds.map((payer) => [payer, cellOf(payer)])) as Record<
    PayerKind,
    RecordedCell
  >;
}

/** The exact versions that this project depends on. */
function packageVersions(): Record<string, string> {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { dependencies } = JSON.parse(text) as { dependencies: Record<string, string> };
  const names = new Set<string>([...clients, ...servers]);
  return Object.fromEntries(Object.entries(dependencies).filter(([name]) => names.has(name)));
}

export function readRecorded(): Recorded {
  return JSON.parse(readFileSync(recordPath, 'utf8')) as Recorded;
}

export function writeRecorded(recorded: Recorded): void {
  writeFileSync(recordPath, `${JSON.stringify(recorded, null, 2)}\n`);
}
