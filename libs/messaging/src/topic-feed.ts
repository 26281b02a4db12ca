import { pause } from './backoff.js';
import type { ConsumeOptions, LogRecord } from './event-log.js';
import { Pace } from './pace.js';
import type { PostgresSession } from './postgres-session.js';
import { partitionCountOf } from './topic-partition.js';
import type { MessagingLogger } from './transport.js';
import { Wakeup } from './wakeup.js';

/** How soon a member notices that another came or went, and how long a record waits whose notification was lost. */
const lookIntervalMs = 250;
/** How long records that nobody waits for are kept back for the next. */
const unhurriedWaitMs = 100;
/** A bound only: every look that finds something rings. */
const idleWaitMs = 30_000;

export type TopicFeedOptions = ConsumeOptions & {
  readonly session: PostgresSession;
  readonly topic: string;
  readonly logger: MessagingLogger;
  /** Aborts when the consumer stops or its connection is gone. */
  readonly ended: AbortSignal;
};

/** How far a partition was handled: from what was stored to what is to be stored. */
type Progress = { readonly partition: number; readonly from: bigint; readonly to: bigint };
type Look = { readonly members: number[]; readonly self: number; readonly is_behind: boolean };
type FedRecord = LogRecord & { readonly since: bigint };
type Row = {
  readonly moved: number;
  readonly partition: number | null;
  readonly since: string;
  readonly offset: string;
  readonly key: string;
  readonly value: string;
};

/**
 * One member's part of a topic: it hands over what comes in its partitions, all of them together, round by round.
 *
 * Each member holds a shared advisory lock that says it is there, and an exclusive one on each of its partitions for as
 * long as they are its own. The members in the order of their backends take the partitions in turn; who has too many
 * gives them up after the round, who has too few tries until they are free.
 */
export class TopicFeed {
  readonly #bell = new Wakeup();
  readonly #pace = new Pace();
  readonly #name: string;
  #assigned: readonly number[] = [];
  #held: readonly number[] = [];
  #turn = 0;

  constructor(private readonly options: TopicFeedOptions) {
    this.#name = `quittance_consumer/${options.group}/${options.topic}`;
  }

  /** Resolves when `ended` aborts. @throws when the connection is lost */
  async run(): Promise<void> {
    const { session, topic } = this.options;
    await session.listen(`quittance_log_${topic}`, () => this.#bell.wake());
    await session.lockShared(this.#name);
    await this.look();
    await Promise.all([this.watch(), this.rounds()]);
  }

  private get ended(): AbortSignal {
    return this.options.ended;
  }

  /** Also keeps the session from being taken for that of a process that hangs, however long a handler takes. */
  private async watch(): Promise<void> {
    for (;;) {
      await pause(lookIntervalMs, this.ended);
      if (this.ended.aborted) return;
      await this.look();
    }
  }

  private async look(): Promise<void> {
    const { session, group, topic } = this.options;
    const [look] = (await session.query<Look>(lookText, [this.#name, group, topic, this.#held])).rows;
    if (look === undefined) return;
    const rank = look.members.indexOf(look.self);
    const partitions = Array.from({ length: partitionCountOf(topic) }, (_, partition) => partition);
    this.#assigned = partitions.filter((partition) => partition % look.members.length === rank);
    if (look.is_behind || !this.isSettled()) this.#bell.wake();
  }

  private isSettled(): boolean {
    return (
      this.#held.length === this.#assigned.length && this.#held.every((each) => this.#assigned.includes(each))
    );
  }

  private async rounds(): Promise<void> {
    const { batchMax, onRecords, topic } = this.options;
    let done: readonly Progress[] = [];
    for (let isFull = false; !this.ended.aborted;) {
      if (!isFull) await pause(this.gatherMs(), this.ended);
      this.#bell.answer();
      if (!this.isSettled()) {
        await this.next(done, []);
        done = [];
        await this.settle();
      }
      const records = await this.hurried(await this.next(done, this.#held));
      done = [];
      isFull = records.length === batchMax;
      if (records.length === 0) {
        await this.#bell.wait(idleWaitMs, this.ended);
        continue;
      }
      this.#pace.note(Date.now());
      await onRecords({ topic, records }, this.ended);
      done = progressOf(records);
    }
    await this.next(done, []);
  }

  /** Keeps back what nobody waits for, for a while, until there is something with it that somebody may wait for. */
  private async hurried(records: readonly FedRecord[]): Promise<readonly FedRecord[]> {
    const untilMs = performance.now() + unhurriedWaitMs;
    let all = records;
    while (this.canWait(all)) {
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0 || !(await this.#bell.wait(leftMs, this.ended))) break;
      all = await this.next([], this.#held);
    }
    return all;
  }

  private canWait(records: readonly FedRecord[]): boolean {
    const { canWait, batchMax } = this.options;
    return records.length > 0 && records.length < batchMax && records.every(canWait);
  }

  private gatherMs(): number {
    return this.options.gatherMs > 0 ? this.options.gatherMs : this.#pace.gatherMs(Date.now());
  }

  /** Gives up what is another member's, and takes what is ours as far as it is free. */
  private async settle(): Promise<void> {
    const { session, group, topic } = this.options;
    const surplus = this.#held.filter((partition) => !this.#assigned.includes(partition));
    const missing = this.#assigned.filter((partition) => !this.#held.includes(partition));
    if (surplus.length > 0) await session.unlock(surplus.map((partition) => this.lockName(partition)));
    this.#held = this.#held.filter((partition) => !surplus.includes(partition));
    if (missing.length === 0) return;
    const locked = await session.tryLocks(missing.map((partition) => this.lockName(partition)));
    const taken = missing.filter((partition) => locked.has(this.lockName(partition)));
    if (taken.length > 0) await session.query(beginText, [group, topic, taken]);
    this.#held = [...this.#held, ...taken];
  }

  private lockName(partition: number): string {
    return `${this.#name}/${partition}`;
  }

  /** Stores how far we came and reads what is next in some partitions, in one statement. */
  private async next(done: readonly Progress[], partitions: readonly number[]): Promise<FedRecord[]> {
    if (done.length === 0 && partitions.length === 0) return [];
    const { session, group, topic, batchMax, logger } = this.options;
    this.#turn = (this.#turn + 1) % Math.max(partitions.length, 1);
    const { rows } = await session.query<Row>(nextText, [
      group,
      topic,
      done.map(({ partition }) => partition),
      done.map(({ from }) => from.toString()),
      done.map(({ to }) => to.toString()),
      // A partition with more than a batch holds must not keep the others waiting: each is first in its turn.
      [...partitions.slice(this.#turn), ...partitions.slice(0, this.#turn)],
      batchMax,
    ]);
    if (rows[0]?.moved === done.length) return rows.filter(isRecord).map(recordOf);
    // The locks make this impossible, unless an operator moved an offset by hand: then his word counts.
    logger.warn({ topic, group }, 'an offset was moved by somebody else');
    return this.next([], partitions);
  }
}

function isRecord(row: Row): row is Row & { readonly partition: number } {
  return row.partition !== null;
}

function recordOf({ partition, since, offset, key, value }: Row & { readonly partition: number }): FedRecord {
  return { partition, since: BigInt(since), offset: BigInt(offset), key, value };
}

function progressOf(records: readonly FedRecord[]): Progress[] {
  const progress = new Map<number, Progress>();
  for (const { partition, since, offset } of records)
    progress.set(partition, { partition, from: since, to: offset + 1n });
  return [...progress.values()];
}

const lookText = `
  SELECT coalesce(array_agg(l.pid ORDER BY l.pid), '{}') AS members, pg_backend_pid() AS self,
         EXISTS (SELECT FROM events.partition_head h JOIN events.consumer_offset o USING (topic, partition)
                  WHERE h.topic = $3 AND h.partition = ANY ($4::integer[]) AND o.consumer_group = $2
                    AND h.next_offset > o.next_offset) AS is_behind
    FROM pg_locks l
   WHERE l.locktype = 'advisory' AND l.mode = 'ShareLock' AND l.granted AND l.objsubid = 1
     AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
     AND (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended($1, 0)`;

const beginText = `
  INSERT INTO events.consumer_offset (consumer_group, topic, partition, next_offset)
  SELECT $1, $2, p, 0 FROM unnest($3::integer[]) AS p ORDER BY p
  ON CONFLICT DO NOTHING`;

const nextText = `
  WITH done AS (
    SELECT d.partition, d.since, d.next FROM unnest($3::integer[], $4::bigint[], $5::bigint[]) AS d (partition, since, next)
  ), moved AS (
    UPDATE events.consumer_offset o SET next_offset = d.next, moved_at = now()
      FROM done d
     WHERE o.consumer_group = $1 AND o.topic = $2 AND o.partition = d.partition AND o.next_offset = d.since
    RETURNING o.partition
  ), found AS (
    SELECT h.place, h.partition, start.since, l."offset", l.key, l.value
      FROM unnest($6::integer[]) WITH ORDINALITY AS h (partition, place)
      JOIN events.consumer_offset o ON o.consumer_group = $1 AND o.topic = $2 AND o.partition = h.partition
      LEFT JOIN done d ON d.partition = h.partition
     CROSS JOIN LATERAL (SELECT coalesce(d.next, o.next_offset) AS since) AS start
     CROSS JOIN LATERAL (
       SELECT l."offset", l.key, l.value FROM events.log l
        WHERE l.topic = $2 AND l.partition = h.partition AND l."offset" >= start.since
        ORDER BY l."offset" LIMIT $7::integer) AS l
     ORDER BY h.place, l."offset" LIMIT $7::integer
  )
  SELECT (SELECT count(*)::integer FROM moved) AS moved, f.partition, f.since::text AS since,
         f."offset"::text AS "offset", f.key, f.value
    FROM (VALUES (1)) AS always LEFT JOIN found f ON true
   ORDER BY f.place, f."offset"`;
