import { expect } from '@jest/globals';
import { Database } from '@quittance/database';

import { type Check, checkSchema } from '../src/checker/check.schema.js';
import { type Standing, standingSchema } from '../src/checker/standing.schema.js';
import { SealingRepository } from '../src/proof/sealing.repository.js';
import { accessTokens, Office } from './people.js';
import { RunningLedger } from './running-ledger.js';

/** A ledger that runs, people who have it checked, and somebody with the owner's rights. */
export class CheckedBooks {
  private constructor(
    readonly ledger: RunningLedger,
    readonly office: Office,
    readonly database: Database,
  ) {}

  static async start(): Promise<CheckedBooks> {
    const ledger = await RunningLedger.start({ ACCESS_TOKENS: accessTokens });
    const url = ledger.server.serviceUrls.ledger;
    const database = Database.connect({ url, applicationName: 'checked-books' });
    return new CheckedBooks(ledger, new Office(ledger), database);
  }

  async close(): Promise<void> {
    await this.database.close();
    await this.ledger.close();
  }

  async sealed(): Promise<void> {
    const sealing = new SealingRepository(this.database);
    await this.ledger.until('the seal', async () => (await sealing.seal()).outcome === 'nothing');
  }

  async checked(): Promise<Check> {
    const { id } = await this.office.did('otto', checkSchema, { path: '/checks', body: {} });
    let check: Check | undefined;
    await this.ledger.until('the check', async () => {
      check = await this.office.read('otto', checkSchema, `/checks/${id}`);
      return check.state !== 'running';
    });
    if (check === undefined) throw new RangeError('the check is gone');
    return check;
  }

  standing(): Promise<Standing> {
    return this.office.read('vera', standingSchema, '/standing');
  }

  async resumed(): Promise<void> {
    const { id, drift } = await this.checked();
    expect(drift).toEqual([]);
    await this.office.did('cleo', standingSchema, {
      path: '/standing/resume',
      body: { checkId: id, reason: 'put right' },
    });
    expect(await this.standing()).toMatchObject({ readOnly: false });
  }

  /** As somebody with the owner's rights does it: no trigger stops it. */
  async tamper(statement: string): Promise<void> {
    await this.ledger.asSuperuser(`SET session_replication_role = replica; ${statement}`, []);
  }

  async metrics(): Promise<string> {
    return String((await this.ledger.get('/metrics')).body['text']);
  }
}
