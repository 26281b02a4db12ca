import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { type Anvil, type EmbeddedPostgres, endLeftover } from '@quittance/embedded';

import type { Config } from './config.js';
import type { DataFolder } from './data-folder.js';
import {
  compareChainWithDatabase,
  migrateDatabase,
  scriptOf,
  type ServiceName,
  serviceNames,
  settingsOf,
  startChain,
  startDatabase,
} from './installation.js';
import { choosePorts } from './ports.js';
import type { Progress } from './progress.js';
import { ServiceProcess } from './service-process.js';
import { StandaloneError } from './standalone.error.js';

const watchIntervalMs = 1_000;
const leftoverGraceMs = 8_000;

export type Addresses = Readonly<Record<ServiceName | 'chain', string>>;

/** Everything that runs: started in order, stopped in the reverse, nothing left behind. */
export class Supervisor {
  #postgres: EmbeddedPostgres | undefined;
  #anvil: Anvil | undefined;
  #services: ServiceProcess[] = [];
  #watch: NodeJS.Timeout | undefined;
  #stopped: Promise<void> | undefined;

  constructor(
    private readonly folder: DataFolder,
    private readonly progress: Progress,
  ) {}

  /** Starts all parts, and says where they are. Throws what kept one from starting; `stop` cleans up after it. */
  async start(config: Config): Promise<Addresses> {
    const { folder, progress } = this;
    await progress.wait('ending what an earlier run left', async () => this.#endLeftovers());
    if (config.fresh) folder.clear();
    if (existsSync(folder.postgres) !== existsSync(folder.chainState) && existsSync(folder.postgres)) {
      throw new StandaloneError(
        'chain_behind_database',
        `${folder.postgres} is there, but the chain it belongs to is not. Start again with an empty pair: npm start -- --fresh`,
      );
    }
    const secrets = folder.secrets();
    const ports = await choosePorts(config.ports);
    await progress.step('Postgres 18', async () => {
      this.#postgres = await startDatabase(folder);
    });
    await progress.step('dev chain (anvil, chain id 84532)', async () => {
      this.#anvil = await startChain(folder, { port: ports.chain, secrets });
    });
    const parts = {
      postgres: required(this.#postgres),
      anvil: required(this.#anvil),
      secrets,
      checkpointKey: folder.checkpointKey(),
      ledger: config.ledger,
    };
    await progress.step('migrations', async () => migrateDatabase(parts.postgres, secrets));
    await progress.wait('comparing chain and books', async () =>
      compareChainWithDatabase(parts.postgres, parts.anvil.rpcUrl),
    );
    await Promise.all(
      serviceNames.map(async (name) =>
        progress.step(`${name} service`, async () => {
          const service = await this.#startService(name, { ports, env: settingsOf(name, parts, ports) });
          await service.ready();
        }),
      ),
    );
    return {
      facilitator: `http://127.0.0.1:${ports.facilitator}`,
      settlement: `http://127.0.0.1:${ports.settlement}`,
      ledger: `http://127.0.0.1:${ports.ledger}`,
      chain: parts.anvil.rpcUrl,
    };
  }

  /** Resolves, with which it was, when the database or the chain ends without having been told to. */
  async partEnded(): Promise<string> {
    return new Promise((resolve) => {
      this.#watch = setInterval(() => {
        if (this.#stopped === undefined && this.#postgres?.pid === 0) resolve('Postgres');
      }, watchIntervalMs);
      void this.#anvil?.ended.then(() => {
        if (this.#stopped === undefined) resolve('The dev chain');
      });
    });
  }

  /** Stops what was started: services first, as they still write; then chain (which saves its state) and database. */
  async stop(): Promise<void> {
    this.#stopped ??= this.#stopAll();
    return this.#stopped;
  }

  async #stopAll(): Promise<void> {
    clearInterval(this.#watch);
    await Promise.all(this.#services.map(async (service) => service.stop()));
    await Promise.all([this.#anvil?.stop(), this.#postgres?.stop()]);
    this.folder.release();
  }

  async #startService(
    name: ServiceName,
    { ports, env }: { ports: Config['ports']; env: Record<string, string> },
  ): Promise<ServiceProcess> {
    if (this.#stopped !== undefined) throw new StandaloneError('part_ended', 'stopped while starting');
    const service = await ServiceProcess.start({
      name,
      script: scriptOf(name),
      env,
      url: `http://127.0.0.1:${ports[name]}`,
      logFile: this.folder.log(name),
      pidFile: this.folder.pidFile(name),
      report: (line) => {
        this.progress.line(line);
      },
    });
    this.#services.push(service);
    return service;
  }

  // What a killed supervisor left still holds ports, and writes to the data.
  async #endLeftovers(): Promise<void> {
    for (const name of serviceNames) {
      await endLeftover({
        pidFile: this.folder.pidFile(name),
        mark: scriptOf(name),
        graceMs: leftoverGraceMs,
      });
    }
    for (const part of [
      { pidFile: `${this.folder.chainState}.pid`, mark: this.folder.chainState },
      { pidFile: join(this.folder.postgres, 'data', 'postmaster.pid'), mark: this.folder.postgres },
    ]) {
      await endLeftover({ ...part, graceMs: leftoverGraceMs });
    }
  }
}

function required<T>(part: T | undefined): T {
  if (part === undefined) throw new StandaloneError('not_ready', 'a part was used before it was started');
  return part;
}
