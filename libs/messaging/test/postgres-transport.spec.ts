import { topics } from '@quittance/events';
import { startTestDatabase } from '@quittance/testing';
import pg from 'pg';

import { deadLetterSchema } from '../src/index.js';
import { PostgresLog } from '../src/postgres-log.js';
import { silentLogger } from '../src/transport.js';
import { describeTransport } from './transport-contract.js';

describeTransport('postgres', async () => {
  const database = await startTestDatabase();
  const databaseUrl = database.serviceUrls.ledger;
  const log = new PostgresLog({ databaseUrl, logger: silentLogger });
  return {
    options: { kind: 'postgres', databaseUrl },
    appendRaw: (record) => log.append([record]),
    deadLetters: async () => {
      const client = new pg.Client({ connectionString: databaseUrl });
      await client.connect();
      const { rows } = await client.query<{ value: string }>(
        'SELECT value FROM events.log WHERE topic = $1 ORDER BY "offset"',
        [topics.deadLetters.name],
      );
      await client.end();
      return rows.map((row) => deadLetterSchema.parse(JSON.parse(row.value)));
    },
    stopServer: () => database.stopServer('immediate'),
    startServer: () => database.startServer(),
    stop: async () => {
      await log.close();
      await database.stop();
    },
  };
});
