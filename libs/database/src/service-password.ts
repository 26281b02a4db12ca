import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import pg from 'pg';

import { databaseErrorOf } from './error-mapping.js';

export type ServicePasswords = {
  readonly facilitator?: string;
  readonly settlement?: string;
  readonly ledger?: string;
};

/** A password that cannot be set. The message does not repeat it. */
export class ServicePasswordError extends Error {
  override readonly name = 'ServicePasswordError';
  readonly code = 'service_password_unusable';
}

const services = ['facilitator', 'settlement', 'ledger'] as const;
const scramIterations = 4_096;
const saltBytes = 16;
const triesMax = 5;
const pauseMs = 50;
const connectTimeoutMs = 10_000;

/**
 * Lets service roles log in with these passwords; a role without one is left as it is. Postgres gets only the SCRAM
 * verifier, so that no password can end in its log.
 *
 * @throws ServicePasswordError unless a password is 1 to 200 printable ASCII characters; DatabaseUnavailableError.
 */
export async function setServicePasswords(options: {
  adminUrl: string;
  passwords: ServicePasswords;
}): Promise<void> {
  const client = new pg.Client({
    connectionString: options.adminUrl,
    connectionTimeoutMillis: connectTimeoutMs,
  });
  // The statement that was running reports the loss; without a listener the event would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    for (const service of services) {
      const password = options.passwords[service];
      if (password !== undefined) await alterRole(client, `quittance_${service}`, scramVerifier(password));
    }
  } catch (error) {
    throw databaseErrorOf(error);
  } finally {
    await client.end();
  }
}

async function alterRole(client: pg.Client, role: string, verifier: string): Promise<void> {
  const statement = `ALTER ROLE ${client.escapeIdentifier(role)} LOGIN PASSWORD ${client.escapeLiteral(verifier)}`;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await client.query(statement);
      return;
    } catch (error) {
      // Roles belong to the whole server: another database's set-up may be altering the same one.
      const concurrent = error instanceof Error && error.message.includes('tuple concurrently updated');
      if (!concurrent || attempt >= triesMax) throw error;
      await sleep(pauseMs * attempt);
    }
  }
}

/** RFC 5803 verifier in Postgres's form. ASCII only: other text would need SASLprep to mean the same to every client. */
function scramVerifier(password: string): string {
  if (!/^[\x20-\x7e]{1,200}$/.test(password)) {
    throw new ServicePasswordError('A service password is 1 to 200 printable ASCII characters.');
  }
  const salt = randomBytes(saltBytes);
  const salted = pbkdf2Sync(password, salt, scramIterations, 32, 'sha256');
  const clientKey = createHmac('sha256', salted).update('Client Key').digest();
  const storedKey = createHash('sha256').update(clientKey).digest('base64');
  const serverKey = createHmac('sha256', salted).update('Server Key').digest('base64');
  return `SCRAM-SHA-256$${scramIterations}:${salt.toString('base64')}$${storedKey}:${serverKey}`;
}
