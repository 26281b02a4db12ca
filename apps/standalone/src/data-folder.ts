import { randomBytes } from 'node:crypto';
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
const secretsSchema = z.object({
  passwords: z.object({ facilitator: z.string(), settlement: z.string(), ledger: z.string() }),
  relayerKey: hex32,
  merchant: z
    .string()
    .regex(/^0x[0-9a-fA-F]{40}$/)
    .transform((text) => text as `0x${string}`),
});

/** What has to be the same at the next start on the same data. */
export type Secrets = z.output<typeof secretsSchema>;

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

  log(name: string): string {
    return join(this.logs, `${name}.log`);
  }

  pidFile(name: string): string {
    return join(this.runFolder, `${name}.pid`);
  }

  /** Removes what earlier runs kept; nothing may use it any more. */
  clear(): void {
    for (const part of [this.postgres, join(this.path, 'chain'), this.logs, this.secretsFile]) {
      rmSync(part, { recursive: true, force: true });
    }
  }

  /** The kept secrets, made at the first start; readable by their owner only. */
  secrets(): Secrets {
    mkdirSync(this.logs, { recursive: true });
    if (!existsSync(this.secretsFile)) {
      const made = makeSecrets();
      writeFileSync(this.secretsFile, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600 });
      return made;
    }
    try {
      return secretsSchema.parse(JSON.parse(readFileSync(this.secretsFile, 'utf8')));
    } catch (cause) {
      const message = `${this.secretsFile} is damaged. Start again with --fresh, which forgets the data of ${this.path}.`;
      throw new StandaloneError('data_unreadable', message, { cause });
    }
  }

  release(): void {
    rmSync(this.lockFile, { force: true });
  }

  private get secretsFile(): string {
    return join(this.path, 'secrets.json');
  }
}

function makeSecrets(): Secrets {
  const password = (): string => randomBytes(24).toString('hex');
  return {
    passwords: { facilitator: password(), settlement: password(), ledger: password() },
    relayerKey: generatePrivateKey(),
    merchant: privateKeyToAddress(generatePrivateKey()),
  };
}
