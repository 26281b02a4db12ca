import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { runningPid } from '@quittance/embedded';
import type { Hex } from 'viem';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import { z } from 'zod';

import { StandaloneError } from './standalone.error.js';

const hex32 = z
  .string()
  .regex(/^0x[0-9a-f]{64}$/)
  .transform((text) => text as Hex);
/** Roles in the ledger that a token is made for. */
const ledgerRoles = ['operator', 'approver', 'controller', 'auditor'] as const;

const secretsSchema = z.object({
  passwords: z.object({ facilitator: z.string(), settlement: z.string(), ledger: z.string() }),
  relayerKey: hex32,
  merchant: z
    .string()
    .regex(/^0x[0-9a-fA-F]{40}$/)
    .transform((text) => text as `0x${string}`),
  /** Made when they are not there yet: folders of earlier versions have none. */
  ledgerTokens: z.record(z.enum(ledgerRoles), z.string()).optional(),
});

/** What has to be the same at the next start on the same data. */
export type Secrets = Omit<z.output<typeof secretsSchema>, 'ledgerTokens'> & {
  ledgerTokens: Record<(typeof ledgerRoles)[number], string>;
};

/** The folder that holds everything of one installation. One supervisor at a time uses it. */
export class DataFolder {
  private constructor(readonly path: string) {}

  /**
   * Takes the folder; `mark` is what the command line of a supervisor contains.
   *
   * @throws StandaloneError when another supervisor runs on it.
   */
  static open(options: { path: string; mark: string }): DataFolder {
    const folder = new DataFolder(options.path);
    const other = runningPid(folder.lockFile, options.mark);
    if (other !== undefined && other !== process.pid) {
      throw new StandaloneError(
        'already_running',
        `Quittance already runs on ${options.path} (process ${other}). Stop it, or name another folder with --data.`,
      );
    }
    mkdirSync(folder.runFolder, { recursive: true });
    writeFileSync(folder.lockFile, `${process.pid}\n`);
    return folder;
  }

  get lockFile(): string {
    return join(this.path, 'run', 'supervisor.pid');
  }

  get runFolder(): string {
    return join(this.path, 'run');
  }

  get logs(): string {
    return join(this.path, 'logs');
  }

  get postgres(): string {
    return join(this.path, 'postgres');
  }

  get chainState(): string {
    return join(this.path, 'chain', 'state.json');
  }

  /** What checkpoints of the books are signed with; made at the first start, readable by its owner only. */
  checkpointKey(): string {
    if (!existsSync(this.checkpointKeyFile)) {
      const { privateKey } = generateKeyPairSync('ed25519');
      const pem = privateKey.export({ format: 'pem', type: 'pkcs8' });
      writeFileSync(this.checkpointKeyFile, pem, { mode: 0o600 });
    }
    return this.checkpointKeyFile;
  }

  /** The kept secrets, and the tokens of the ledger among them. */
  get secretsFile(): string {
    return join(this.path, 'secrets.json');
  }

  log(name: string): string {
    return join(this.logs, `${name}.log`);
  }

  pidFile(name: string): string {
    return join(this.runFolder, `${name}.pid`);
  }

  /** Removes what earlier runs kept; nothing may use it any more. */
  clear(): void {
    // New books are not those that the key signed: under one key there must not be two histories.
    for (const part of [
      this.postgres,
      join(this.path, 'chain'),
      this.logs,
      this.secretsFile,
      this.checkpointKeyFile,
    ]) {
      rmSync(part, { recursive: true, force: true });
    }
  }

  /** The kept secrets, made at the first start; readable by their owner only. */
  secrets(): Secrets {
    mkdirSync(this.logs, { recursive: true });
    if (!existsSync(this.secretsFile)) return this.keep(makeSecrets());
    try {
      const { ledgerTokens, ...kept } = secretsSchema.parse(
        JSON.parse(readFileSync(this.secretsFile, 'utf8')),
      );
      return ledgerTokens === undefined
        ? this.keep({ ...kept, ledgerTokens: makeLedgerTokens() })
        : { ...kept, ledgerTokens };
    } catch (cause) {
      const message = `${this.secretsFile} is damaged. Start again with --fresh, which forgets the data of ${this.path}.`;
      throw new StandaloneError('data_unreadable', message, { cause });
    }
  }

  release(): void {
    rmSync(this.lockFile, { force: true });
  }

  private keep(secrets: Secrets): Secrets {
    writeFileSync(this.secretsFile, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
    return secrets;
  }

  private get checkpointKeyFile(): string {
    return join(this.path, 'checkpoint-key.pem');
  }
}

function makeSecrets(): Secrets {
  const password = (): string => randomBytes(24).toString('hex');
  return {
    passwords: { facilitator: password(), settlement: password(), ledger: password() },
    relayerKey: generatePrivateKey(),
    merchant: privateKeyToAddress(generatePrivateKey()),
    ledgerTokens: makeLedgerTokens(),
  };
}

function makeLedgerTokens(): Secrets['ledgerTokens'] {
  const token = (): string => randomBytes(24).toString('base64url');
  return { operator: token(), approver: token(), controller: token(), auditor: token() };
}
