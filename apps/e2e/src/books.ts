import { devTokens } from '@quittance/embedded';
import type { Anvil } from '@quittance/testing';
import pg from 'pg';
import { createPublicClient, http, parseAbiItem } from 'viem';

import { eventually, get } from './http.js';
import type { Stack } from './stack.js';

const authorizationUsed = parseAbiItem(
  'event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce)',
);
const balanceOf = [parseAbiItem('function balanceOf(address) view returns (uint256)')] as const;

export type UsedAuthorization = {
  readonly chainId: number;
  readonly payer: string;
  readonly nonce: string;
  readonly transaction: string;
};

/** Every authorization used on a chain's dev tokens, from genesis: what really happened. */
export async function usedAuthorizations(chain: Anvil): Promise<UsedAuthorization[]> {
  const client = createPublicClient({ transport: http(chain.rpcUrl) });
  const logs = await client.getLogs({
    address: devTokens.map(({ address }) => address),
    event: authorizationUsed,
    fromBlock: 0n,
    toBlock: 'latest',
  });
  return logs.map(({ args, transactionHash }) => ({
    chainId: chain.chainId,
    payer: String(args.authorizer).toLowerCase(),
    nonce: String(args.nonce),
    transaction: transactionHash,
  }));
}

export async function tokenBalance(
  chain: Anvil,
  token: `0x${string}`,
  owner: `0x${string}`,
): Promise<bigint> {
  return createPublicClient({ transport: http(chain.rpcUrl) }).readContract({
    address: token,
    abi: balanceOf,
    functionName: 'balanceOf',
    args: [owner],
  });
}

export async function transactionCount(chain: Anvil, address: `0x${string}`): Promise<number> {
  return createPublicClient({ transport: http(chain.rpcUrl) }).getTransactionCount({ address });
}

export async function nativeBalance(chain: Anvil, address: `0x${string}`): Promise<bigint> {
  return createPublicClient({ transport: http(chain.rpcUrl) }).getBalance({ address });
}

/** Reads the database as its owner: what is really stored, whatever an API says. */
export async function query<Row extends pg.QueryResultRow>(
  stack: Stack,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  return queryAt(stack.database.adminUrl, text, values);
}

/** One statement over a connection of its own. */
export async function queryAt<Row extends pg.QueryResultRow>(
  url: string,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end();
  }
}

export type TrialBalance = {
  readonly balanced: boolean;
  readonly balancesMatchEntries: boolean;
  readonly rows: readonly {
    book: string;
    layer: string;
    debits: string;
    credits: string;
    difference: string;
  }[];
};

/** What every check of the books wants of the trial balance: zero, and kept balances that equal their lines, sealed or not. */
export async function trialBalance(stack: Stack): Promise<TrialBalance> {
  const { status, body } = await get(`${stack.ledger.url}/trial-balance?verify=true`);
  if (status !== 200) throw new Error(`GET /trial-balance answers ${status}: ${JSON.stringify(body)}`);
  return body['verification'] as TrialBalance;
}

/** A payer's confirmed payment that a transaction settled, alone or with others, as the ledger tells it. */
export async function bookedPayment(
  stack: Stack,
  transaction: string,
  payer: string,
): Promise<Record<string, unknown>> {
  return eventually(`the ledger books the payment by ${payer} in ${transaction}`, async () => {
    const { body } = await get(`${stack.ledger.url}/transactions?chain_transaction=${transaction}`);
    const items = (body['items'] ?? []) as { paymentId: string | null }[];
    for (const id of new Set(items.map(({ paymentId }) => paymentId))) {
      const payment = id === null ? {} : (await get(`${stack.ledger.url}/payments/${id}`)).body;
      if (payment['payer'] === payer.toLowerCase() && payment['state'] === 'confirmed') return payment;
    }
    return undefined;
  });
}

/** Reads of the books show what is sealed: waits until all that is posted by now is. */
export async function everythingSealed(stack: Stack): Promise<void> {
  const [posted] = await query<{ count: string }>(stack, 'SELECT count(*) FROM ledger.transaction');
  await eventually('what is posted is sealed', async () => {
    const [seal] = await query<{ size: string }>(
      stack,
      'SELECT coalesce(max(size), 0) AS size FROM ledger.seal',
    );
    return Number(seal?.size) >= Number(posted?.count) ? true : undefined;
  });
}

/** Every balance of one account. */
export async function bookedBalances(stack: Stack, account: string): Promise<readonly unknown[]> {
  await everythingSealed(stack);
  const { status, body } = await get(`${stack.ledger.url}/balances?account=${account}`);
  if (status !== 200) throw new Error(`GET /balances answers ${status}: ${JSON.stringify(body)}`);
  return body['items'] as unknown[];
}

/** Sums of a layer by account code, read from the lines themselves. */
export async function accountSums(stack: Stack, layer: string): Promise<Map<string, bigint>> {
  const rows = await query<{ code: string; asset: string; sum: string }>(
    stack,
    `SELECT account.code, asset.code AS asset, sum(entry.amount)::text AS sum
       FROM ledger.entry JOIN ledger.account ON account.id = entry.account_id JOIN ledger.asset ON asset.id = account.asset_id
      WHERE entry.layer = $1::ledger.layer GROUP BY 1, 2`,
    [layer],
  );
  return new Map(rows.map(({ code, asset, sum }) => [`${code} ${asset}`, BigInt(sum)]));
}

/** A digest of everything that a refused request must leave as it was: chain, registry and books. */
export async function worldState(stack: Stack): Promise<string> {
  const [counts] = await query<Record<string, string>>(
    stack,
    `SELECT (SELECT count(*) FROM facilitator.payment) AS payments, (SELECT count(*) FROM facilitator.outbox) AS waiting,
            (SELECT count(*) FROM events.log WHERE topic = 'quittance.payments.v1') AS told,
            (SELECT count(*) FROM settlement.attempt) AS attempts, (SELECT count(*) FROM ledger.entry) AS entries,
            (SELECT coalesce(sum(amount), 0) FROM ledger.entry WHERE amount > 0) AS moved`,
  );
  const chains = await Promise.all(
    stack.chains.map(async (chain) => ({
      used: (await usedAuthorizations(chain)).length,
      sent: await transactionCount(chain, stack.relayer),
    })),
  );
  return JSON.stringify({ counts, chains });
}
