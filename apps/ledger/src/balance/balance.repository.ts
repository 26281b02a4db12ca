import { Injectable } from '@nestjs/common';

import {
  accountKeys,
  AccountRepository,
  type AccountRow,
  keysOfAccount,
} from '../account/account.repository.js';
import { AssetDirectory } from '../asset/asset-directory.js';
import { type MomentPage, momentPageOf } from '../moment/moment-page.js';
import { ReadingRepository } from '../moment/reading.repository.js';
import { layers } from '../posting/line.js';
import { type AccountSums, AccountSumsRepository } from '../rollup/account-sums.repository.js';
import { balanceOf } from '../rollup/sums.js';
import type { Balance, BalancesQuery } from './balance.schema.js';

@Injectable()
export class BalanceRepository {
  constructor(
    private readonly accounts: AccountRepository,
    private readonly sums: AccountSumsRepository,
    private readonly assets: AssetDirectory,
    private readonly readings: ReadingRepository,
  ) {}

  /** Balances by account, asset and layer; a page holds whole accounts. */
  async list(query: BalancesQuery): Promise<MomentPage<Balance>> {
    const { account: code, prefix, asset, layer, limit } = query;
    const reading = await this.readings.page(query, accountKeys);
    const { moment, after } = reading;
    const rows = await this.accounts.known(moment, { code, prefix, asset, after, limit: limit + 1 });
    const shown = rows.slice(0, limit).map(({ id }) => id);
    const sums = Map.groupBy(await this.sums.at({ accountIds: shown, moment }), ({ accountId }) => accountId);
    return momentPageOf({
      reading,
      rows,
      limit,
      keys: keysOfAccount,
      view: (row) => this.balancesOf(row, sums.get(row.id) ?? [], layer),
    });
  }

  private balancesOf(
    row: AccountRow,
    sums: readonly AccountSums[],
    wanted: Balance['layer'] | undefined,
  ): Balance[] {
    const asset = this.assets.view(row.asset);
    return layers.flatMap((layer) => {
      const own = sums.find((one) => one.layer === layer)?.sums;
      if (own === undefined || (wanted !== undefined && wanted !== layer)) return [];
      const { debit, credit } = own;
      return [
        {
          account: row.code,
          asset,
          layer,
          debit: String(debit),
          credit: String(credit),
          balance: String(balanceOf(own)),
        },
      ];
    });
  }
}
