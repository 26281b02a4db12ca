import { devUsdc } from '@quittance/embedded';
import type { Anvil } from '@quittance/testing';
import { type Address, createPublicClient, http, parseAbiItem } from 'viem';

import { bookedBalances, bookedPayment } from '../books.js';
import type { Stack } from '../stack.js';
import type { Got, Settlement } from './clients.js';
import type { Pair } from './plan.js';
import type { Attempt } from './run.js';
import type { UnderTest } from './under-test.js';

/** What a purchase came to: for its client, on chain, and in the books. */
export type Finding = {
  readonly pair: string;
  readonly client: ClientsView | { readonly fault: string };
  /** Every transfer of the payer's, from genesis. */
  readonly moved: readonly { readonly to: string; readonly amount: string; readonly told: boolean }[];
  /** Null where there are no books. */
  readonly booked: unknown;
};

type ClientsView = {
  readonly status: number;
  readonly body: unknown;
  readonly success: boolean;
  readonly transaction: string;
  readonly refusal: string | null;
};

const transferred = parseAbiItem('event Transfer(address indexed from, address indexed to, uint256 value)');

export const pairName = ({ client, server }: Pair): string => `${client} from ${server}`;

/** What really happened. */
export async function findingOf(attempt: Attempt, { chain, stack }: UnderTest): Promise<Finding> {
  const { got, by, pair } = attempt;
  const settlement = 'fault' in got ? null : got.settlement;
  return {
    pair: pairName(pair),
    client: 'fault' in got ? got : clientsView(got),
    moved: await transfersOf(chain, by.address, settlement?.transaction),
    booked: stack === null ? null : await booksOf(stack, { chain, payer: by.address, settlement }),
  };
}

function clientsView({ status, body, settlement, refusal }: Got): ClientsView {
  return {
    status,
    body,
    success: settlement?.success ?? false,
    transaction: kindOf(settlement?.transaction),
    refusal: settlement?.errorReason ?? refusal,
  };
}

const kindOf = (transaction: string | undefined): string =>
  transaction === undefined ? 'not told' : transaction === '' ? 'none' : 'told';

/** What has to have happened: the goods for the money, once. */
export function expectedOf({ method, by, pair }: Attempt, payTo: Address, keepsBooks: boolean): Finding {
  const amount = method.settles.toString();
  const settles = method.settles > 0n;
  const paid = { state: 'confirmed', settledBy: 'us', amount, payer: lower(by.address), payTo: lower(payTo) };
  return {
    pair: pairName(pair),
    client: {
      status: 200,
      body: { weather: 'sunny' },
      success: true,
      transaction: settles ? 'told' : 'none',
      refusal: null,
    },
    moved: settles ? [{ to: lower(payTo), amount, told: true }] : [],
    booked: keepsBooks ? (settles ? paid : 'nothing') : null,
  };
}

const lower = (address: string): string => address.toLowerCase();

async function transfersOf(chain: Anvil, from: Address, told: string | undefined): Promise<Finding['moved']> {
  const client = createPublicClient({ transport: http(chain.rpcUrl) });
  const logs = await client.getLogs({
    address: devUsdc.address,
    event: transferred,
    args: { from },
    fromBlock: 0n,
    toBlock: 'latest',
  });
  return logs.map(({ args, transactionHash }) => ({
    to: lower(String(args.to)),
    amount: String(args.value),
    told: transactionHash === told,
  }));
}

type Sought = { readonly chain: Anvil; readonly payer: Address; readonly settlement: Settlement | null };

async function booksOf(stack: Stack, { chain, payer, settlement }: Sought): Promise<unknown> {
  if (settlement !== null && settlement.transaction !== '') {
    const booked = await bookedPayment(stack, settlement.transaction, payer);
    const { state, settledBy, amount, payTo } = booked;
    return { state, settledBy, amount, payer: booked['payer'], payTo };
  }
  const balances = await bookedBalances(stack, `F:payer:eip155:${chain.chainId}:${lower(payer)}`);
  return balances.length === 0 ? 'nothing' : balances;
}
