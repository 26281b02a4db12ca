import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '@quittance/database';
import { catalogue, topics } from '@quittance/events';
import { startAnvil, startTestDatabase, type TestDatabase } from '@quittance/testing';
import { createPublicClient, http } from 'viem';

import { assertChainHolds, lastSeenBlock } from './chain-history.js';

let server: TestDatabase;
let database: Database;

beforeAll(async () => {
  server = await startTestDatabase();
  database = Database.connect({ url: server.adminUrl, applicationName: 'spec' });
});

afterAll(async () => {
  await database.close();
  await server.stop();
});

describe('lastSeenBlock', () => {
  it('is the highest block of all confirmations in the event log, whatever else the log holds', async () => {
    expect(await lastSeenBlock(database)).toBeUndefined();
    const { fixture } = catalogue['settlement.confirmed'];
    const values = ['9', '10'].map((number) =>
      JSON.stringify({ ...fixture, data: { ...fixture.data, block: { ...fixture.data.block, number } } }),
    );
    values.push('not an event', JSON.stringify(catalogue['settlement.submitted'].fixture));
    await database.sql(
      `SELECT events.append(array_fill($1::text, ARRAY[4]), ARRAY[0, 1, 0, 0], array_fill('key'::text, ARRAY[4]), $2::text[])`,
      [topics.settlements.name, values],
    );
    expect(await lastSeenBlock(database)).toEqual({ number: 10n, hash: fixture.data.block.hash });
  });
});

describe('assertChainHolds', () => {
  it('accepts a chain that holds the block, and refuses one that is shorter or another', async () => {
    const anvil = await startAnvil();
    await anvil.mine(3);
    const { hash } = await createPublicClient({ transport: http(anvil.rpcUrl) }).getBlock({
      blockNumber: 2n,
    });
    await expect(assertChainHolds(anvil.rpcUrl, undefined)).resolves.toBeUndefined();
    await expect(assertChainHolds(anvil.rpcUrl, { number: 2n, hash })).resolves.toBeUndefined();
    await expect(assertChainHolds(anvil.rpcUrl, { number: 3n, hash })).rejects.toThrow('has another block 3');
    await expect(assertChainHolds(anvil.rpcUrl, { number: 999n, hash })).rejects.toThrow(
      /up to block 999.*--fresh/,
    );
    await anvil.stop();
  });
});
