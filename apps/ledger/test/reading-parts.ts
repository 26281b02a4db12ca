import { Database } from '@quittance/database';

import { AccountRepository } from '../src/account/account.repository.js';
import { AssetDirectory } from '../src/asset/asset-directory.js';
import { BalanceRepository } from '../src/balance/balance.repository.js';
import { MomentRepository } from '../src/moment/moment.repository.js';
import { ReadingRepository } from '../src/moment/reading.repository.js';
import { AccountSumsRepository } from '../src/rollup/account-sums.repository.js';
import { BlockRepository } from '../src/rollup/block.repository.js';
import { HeadSumsRepository } from '../src/rollup/head-sums.repository.js';
import { RollUpRepository } from '../src/rollup/roll-up.repository.js';
import { LineWalkRepository } from '../src/statement/line-walk.repository.js';
import { StatementRepository } from '../src/statement/statement.repository.js';

/** What reads the books, put together without Nest. */
export type ReadingParts = ReturnType<typeof readingParts>;

export function readingParts(url: string, assets = new AssetDirectory([])) {
  const database = Database.connect({ url, applicationName: 'reading', statementTimeoutMs: 120_000 });
  const moments = new MomentRepository(database);
  const readings = new ReadingRepository(database, moments);
  const blocks = new BlockRepository(database);
  const accounts = new AccountRepository(database, assets, readings);
  const accountSums = new AccountSumsRepository(database, blocks);
  const walk = new LineWalkRepository(database, blocks, accountSums);
  return {
    database,
    moments,
    blocks,
    accounts,
    accountSums,
    headSums: new HeadSumsRepository(database, blocks),
    rollUps: new RollUpRepository(database),
    walk,
    balances: new BalanceRepository(accounts, accountSums, assets, readings),
    statements: new StatementRepository(accounts, accountSums, walk, assets, readings),
  };
}
