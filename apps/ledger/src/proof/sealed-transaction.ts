import type { Layer } from '../posting/line.js';
import type { Digest } from './digest.js';

/** One line of a transaction as it is sealed. */
export type SealedEntry = {
  readonly line: number;
  readonly account: string;
  readonly asset: string;
  readonly layer: Layer;
  /** Signed whole number: a debit when positive. */
  readonly amount: string;
};

/** All that a seal says of a transaction. Times are UTC to the microsecond, as the database keeps them. */
export type SealedTransaction = {
  readonly id: string;
  readonly book: string;
  readonly source: string;
  readonly sourceEventId: string;
  readonly event: string;
  readonly paymentId: string | null;
  readonly chainTransaction: string | null;
  readonly effectiveAt: string;
  readonly occurredAt: string;
  readonly recordedAt: string;
  /** Id of the transaction of which it is the mirror. */
  readonly reverses: string | null;
  readonly shard: number;
  readonly entries: readonly SealedEntry[];
};

/**
 * The text that is hashed: version 1, UTF-8. One line a field, one an entry, each ended by a line feed; none of the
 * values has blanks, and `-` stands for none; times are seconds since 1970 with six digits behind the point. To change it is to add a version: what was sealed by an earlier one is
 * verified by that for ever. The database writes the same (`committed.repository.ts`).
 */
export function canonicalText(transaction: SealedTransaction): string {
  let text = `quittance ledger transaction 1
id ${transaction.id}
book ${transaction.book}
source ${transaction.source}
event ${transaction.sourceEventId} ${transaction.event}
payment ${transaction.paymentId ?? '-'}
chain ${transaction.chainTransaction ?? '-'}
effective ${epochText(transaction.effectiveAt)}
occurred ${epochText(transaction.occurredAt)}
recorded ${epochText(transaction.recordedAt)}
reverses ${transaction.reverses ?? '-'}
shard ${transaction.shard}
`;
  for (const { line, account, asset, layer, amount } of transaction.entries)
    text += `entry ${line} ${account} ${asset} ${layer} ${amount}\n`;
  return text;
}

/** A transaction and its place in the sealed order. */
export type Leaf = {
  readonly position: number;
  /** SHA-256 over a 0 and the canonical text. */
  readonly leaf: Digest;
  readonly transaction: SealedTransaction;
};

/** One line of an exported journal; `verify.mjs` reads it. */
export function journalLine({ position, leaf, transaction }: Leaf): string {
  return JSON.stringify({ position, leaf, transaction });
}

/** A line in place of transactions that an export leaves out: leaves `first` up to but without `end`, by their hash. */
export function gapLine(gap: {
  readonly first: number;
  readonly end: number;
  readonly hash: Digest;
}): string {
  return JSON.stringify({ gap });
}

const epochPattern = /^(-?[0-9]{1,12})\.([0-9]{6})$/;
const timePattern = /^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})\.([0-9]{6})Z$/;
const secondLength = 'YYYY-MM-DDTHH:MM:SS'.length;
const microsecondDigits = 6;
/** Seconds of four-digit years, which is all that is written here: others stay what they are, and match no seal. */
const secondsMin = -62_167_219_200;
const secondsMax = 253_402_300_799;

/** Many transactions have a second in common; this many are remembered, one way and the other. */
const rememberedMax = 1_000;
const texts = new Map<string, string>();
const epochs = new Map<string, string>();

/** UTC of seconds since 1970, as `extract(epoch FROM …)` gives them. What is no moment stays what it is. */
export function timeText(epoch: string): string {
  const [, seconds = '', fraction = ''] = epochPattern.exec(epoch) ?? [];
  if (seconds === '' || Number(seconds) < secondsMin || Number(seconds) > secondsMax) return epoch;
  // Before 1970 the fraction counts backwards.
  if (epoch.startsWith('-')) return timeOfMicroseconds(BigInt(epoch.replace('.', '')));
  const text = remembered(texts, seconds, () =>
    new Date(Number(seconds) * 1_000).toISOString().slice(0, secondLength),
  );
  return `${text}.${fraction}Z`;
}

function timeOfMicroseconds(microseconds: bigint): string {
  const fraction = ((microseconds % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const second = new Date(Number((microseconds - fraction) / 1_000n)).toISOString().slice(0, secondLength);
  return `${second}.${String(fraction).padStart(microsecondDigits, '0')}Z`;
}

/** The inverse. */
export function epochText(time: string): string {
  const [, second = '', fraction = ''] = timePattern.exec(time) ?? [];
  if (second === '') return time;
  const seconds = remembered(epochs, second, () => String(Date.parse(`${second}Z`) / 1_000));
  if (seconds === 'NaN') return time;
  if (!seconds.startsWith('-')) return `${seconds}.${fraction}`;
  const microseconds = -(BigInt(seconds) * 1_000_000n + BigInt(fraction));
  const digits = String(microseconds).padStart(microsecondDigits + 1, '0');
  return `-${digits.slice(0, -microsecondDigits)}.${digits.slice(-microsecondDigits)}`;
}

function remembered(known: Map<string, string>, key: string, make: () => string): string {
  let text = known.get(key);
  if (text === undefined) {
    text = make();
    if (known.size >= rememberedMax) known.clear();
    known.set(key, text);
  }
  return text;
}
