import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

import type { DurableDatabase } from '@quittance/testing';

import { type Figures, quantile } from '../../figures.js';
import { type PostOptions, PostingLoad, type Posted } from '../../ledger/posting-load.js';
import { cpuOf, cpuOfPostgres } from '../settle/cpu-time.js';
import { backendsOfWriters, createBareBooks, isAllSealed } from './bare-books.js';
import type { Plan } from './plan.js';

const writersMax = 4;
/** Compiles what is hot, and opens the accounts of most payers and merchants. */
const warmUpPayments = 10_000;
/** One transaction a payment is slow: fewer say as much. */
const singlePayments = 1_500;
const singleAtOnce = 16;
const calmMaxMs = 60_000;
const calmPollMs = 100;

type Turn = {
  readonly perS: number;
  readonly batchesMs: readonly number[];
  /** Microseconds of processor a payment. */
  readonly writerUs: number;
  readonly postgresUs: number;
  /** Of it: what writes the payments. */
  readonly foregroundUs: number;
  /** The rest of it, until all is sealed and summed up: most of that comes after the turn. */
  readonly backgroundUs: number;
  /** The ledger service beside, which seals, until all is sealed. */
  readonly serviceUs: number;
  /** Of the processor time of all cores during the turn, what was used by anybody; 1 says that the machine is the limit. */
  readonly busyShare: number;
};

type Used = {
  readonly tookS: number;
  readonly postgresS: number;
  readonly foregroundS: number;
  readonly backgroundS: number;
  readonly serviceS: number;
  readonly busyShare: number;
};

type Way = {
  readonly name: string;
  readonly writers: number;
  readonly payments: number;
  readonly options: PostOptions;
};

/** How fast payments come into the books, in turns, so that what the machine does meanwhile meets every way of posting. */
export async function measurePosting(
  database: DurableDatabase,
  servicePid: number | undefined,
  plan: Plan,
): Promise<Figures> {
  const loads = Array.from({ length: writersMax }, (_, partition) =>
    PostingLoad.start(database.serviceUrls.ledger, partition, profiling(plan)),
  );
  const bench = new PostingBench(database, servicePid, loads);
  try {
    await createBareBooks(database.adminUrl);
    await bench.warmUp(plan);
    const turns = new Map<string, Turn[]>();
    for (const ways of roundsOf(plan))
      for (let index = 0; index < plan.turns; index += 1)
        for (const way of ways) {
          const turn = await bench.turn(way);
          turns.set(way.name, [...(turns.get(way.name) ?? []), turn]);
        }
    return figuresOf(turns);
  } finally {
    for (const load of loads) await load.stop();
  }
}

/** Spread events change each payment thrice: what the database has to clean up afterwards must not meet the others' turns. */
function roundsOf({ rounds, payments, batch }: Plan): Way[][] {
  const together = { batch };
  const bare = { batch, atOnce: 2, isBare: true };
  const spread = { batch, isSpread: true };
  const single = { writers: 1, payments: singlePayments };
  const ways: Record<'posting' | 'spread', Way[]> = {
    posting: [
      { name: 'p1', writers: 1, payments, options: together },
      { name: 'p4', writers: writersMax, payments, options: together },
      { name: 'bare', writers: 1, payments, options: bare },
      { name: 'bare_p4', writers: writersMax, payments, options: bare },
      { name: 'single', ...single, options: { batch: 1 } },
      { name: 'single16', ...single, options: { batch: 1, atOnce: singleAtOnce } },
    ],
    spread: [
      { name: 'p1_spread', writers: 1, payments, options: spread },
      { name: 'p4_spread', writers: writersMax, payments, options: spread },
    ],
  };
  return (['posting', 'spread'] as const).filter((name) => rounds.has(name)).map((name) => ways[name]);
}

/** Processor time of all cores since the machine began, in ms. */
function processorMs(): { readonly busy: number; readonly all: number } {
  const times = cpus().map(({ times: { user, nice, sys, irq, idle } }) => ({
    busy: user + nice + sys + irq,
    idle,
  }));
  const busy = times.reduce((sum, time) => sum + time.busy, 0);
  return { busy, all: times.reduce((sum, { idle }) => sum + idle, busy) };
}

class PostingBench {
  #next = 0;
  readonly #port: number;

  constructor(
    private readonly database: DurableDatabase,
    private readonly servicePid: number | undefined,
    private readonly loads: readonly PostingLoad[],
  ) {
    this.#port = Number(new URL(database.adminUrl).port);
  }

  async warmUp({ batch }: Plan): Promise<void> {
    await this.prepare(this.loads, warmUpPayments);
    await Promise.all(this.loads.map(async (load) => load.post({ batch })));
    await this.calm();
  }

  async turn({ name, writers, payments, options }: Way): Promise<Turn> {
    const loads = this.loads.slice(0, writers);
    await this.prepare(loads, payments);
    const before = await this.used();
    const processorBefore = processorMs();
    const startedAt = performance.now();
    const posted = await Promise.all(loads.map(async (load) => load.post(options)));
    const tookS = (performance.now() - startedAt) / 1000;
    const processor = processorMs();
    const after = await this.used();
    await this.calm();
    const atLast = await this.used();
    // A backend that was not there before began with nothing.
    const foregroundS = [...after.backends].reduce(
      (sum, [pid, cpuS]) => sum + cpuS - (before.backends.get(pid) ?? 0),
      0,
    );
    const turn = turnOf(posted, {
      tookS,
      postgresS: after.postgresS - before.postgresS,
      foregroundS,
      backgroundS: atLast.postgresS - before.postgresS - foregroundS,
      serviceS: atLast.serviceS - before.serviceS,
      busyShare: (processor.busy - processorBefore.busy) / (processor.all - processorBefore.all),
    });
    console.log(
      `  ${name}: ${Math.round(turn.perS)} payments/s, CPU a payment: Postgres ${turn.postgresUs.toFixed(0)} µs, of it ` +
        `foreground ${turn.foregroundUs.toFixed(0)} µs, with all that follows ${(turn.foregroundUs + turn.backgroundUs).toFixed(0)} µs, writer ${turn.writerUs.toFixed(0)} µs, service ${turn.serviceUs.toFixed(0)} µs; a batch p50 ${quantile(turn.batchesMs, 0.5).toFixed(0)} ms, processors ${(turn.busyShare * 100).toFixed(0)} % busy`,
    );
    return turn;
  }

  /** Until all that is posted is sealed and summed up: no turn pays for the one before. */
  private async calm(): Promise<void> {
    const deadline = performance.now() + calmMaxMs;
    while (!(await isAllSealed(this.database.adminUrl))) {
      if (performance.now() > deadline)
        throw new RangeError(`the books were not sealed and summed up within ${calmMaxMs} ms`);
      await sleep(calmPollMs);
    }
  }

  private async used() {
    const pids = await backendsOfWriters(this.database.adminUrl);
    return {
      postgresS: cpuOfPostgres(this.#port),
      backends: new Map(pids.map((pid) => [pid, cpuOf(pid)])),
      serviceS: cpuOf(this.servicePid),
    };
  }

  private async prepare(loads: readonly PostingLoad[], count: number): Promise<void> {
    for (const load of loads) {
      await load.prepare({ name: 'bench', from: this.#next, count });
      this.#next += count;
    }
  }
}

function turnOf(posted: readonly Posted[], used: Used): Turn {
  const payments = posted.reduce((sum, one) => sum + one.payments, 0);
  const cpuS = posted.reduce((sum, one) => sum + one.cpuS, 0);
  const batchesMs = posted.flatMap((one) => one.batchesMs);
  return {
    perS: payments / used.tookS,
    batchesMs,
    writerUs: (cpuS * 1e6) / payments,
    postgresUs: (used.postgresS * 1e6) / payments,
    foregroundUs: (used.foregroundS * 1e6) / payments,
    backgroundUs: (used.backgroundS * 1e6) / payments,
    serviceUs: (used.serviceS * 1e6) / payments,
    busyShare: used.busyShare,
  };
}

function figuresOf(turns: ReadonlyMap<string, readonly Turn[]>): Figures {
  const median = (name: string, figure: (turn: Turn) => number): number =>
    quantile((turns.get(name) ?? []).map(figure), 0.5);
  const figures: Record<string, number> = {};
  for (const name of turns.keys()) {
    figures[`${name}_payments_per_s`] = Math.round(median(name, ({ perS }) => perS));
    figures[`${name}_postgres_us`] = Math.round(median(name, ({ postgresUs }) => postgresUs));
    figures[`${name}_postgres_foreground_us`] = Math.round(median(name, ({ foregroundUs }) => foregroundUs));
    figures[`${name}_postgres_background_us`] = Math.round(median(name, ({ backgroundUs }) => backgroundUs));
    figures[`${name}_service_us`] = Math.round(median(name, ({ serviceUs }) => serviceUs));
    figures[`${name}_writer_us`] = Math.round(median(name, ({ writerUs }) => writerUs));
    figures[`${name}_busy_share`] = Math.round(median(name, ({ busyShare }) => busyShare) * 100) / 100;
  }
  const single = Math.max(figures['single_payments_per_s'] ?? 0, figures['single16_payments_per_s'] ?? 0);
  // Against the better of one and of sixteen connections.
  if (single > 0)
    figures['vs_single_ratio'] = Math.round((10 * (figures['p1_payments_per_s'] ?? 0)) / single) / 10;
  return figures;
}

const profiling = ({ profileFolder }: Plan): readonly string[] =>
  profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`];
