/** What goes into a log: bytes with a key. The log knows nothing of events. */
export type OutgoingRecord = { readonly topic: string; readonly key: string; readonly value: string };

export type LogRecord = {
  readonly partition: number;
  readonly offset: bigint;
  readonly key: string;
  readonly value: string;
};

/** Some records of a topic; those of one partition are in their order. */
export type RecordBatch = {
  readonly topic: string;
  readonly records: readonly LogRecord[];
};

export type ConsumeOptions = {
  readonly group: string;
  readonly topics: readonly string[];
  readonly batchMax: number;
  /** How long records may wait for others. */
  readonly gatherMs: number;
  /** Whether a record may wait a moment for the next to be handed over with it. */
  readonly canWait: (record: LogRecord) => boolean;
  /**
   * The offset moves when it resolves. It rejects only when `signal` has aborted (the consumer lost the partition or
   * closes), and the records come again then.
   */
  readonly onRecords: (batch: RecordBatch, signal: AbortSignal) => Promise<void>;
};

/** A partitioned, append-only log with consumer groups: the part in which the two transports differ. */
export type EventLog = {
  /** Durable when it resolves. @throws TransportUnavailableError */
  append(records: readonly OutgoingRecord[]): Promise<void>;
  /** Starts in the background and never gives up. */
  consume(options: ConsumeOptions): void;
  /** @throws TransportUnavailableError */
  ping(): Promise<void>;
  close(): Promise<void>;
};
