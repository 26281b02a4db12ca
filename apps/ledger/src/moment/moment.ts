/**
 * A place on both clocks of the books: `asOf` says up to when things happened, `asKnownAt` what was known of them. Two
 * questions with the same moment have the same answer for ever: nothing that is posted later can change it.
 */
export type Moment = {
  /** The last millisecond whose happenings count. */
  readonly asOf: string;
  /** When the seal was made that says what was known. */
  readonly asKnownAt: string;
  /** Transactions whose position in the sealed order is below this were known. */
  readonly size: bigint;
};

/** Before the first seal nothing was known. */
export const beginning = '1970-01-01T00:00:00.000Z';

/** Later than anything can happen. */
export const endOfTime = '2999-12-31T23:59:59.999Z';

const millisecondsPerDay = 86_400_000;

/** The first instant that no longer counts: times are kept to the microsecond, and asked for to the millisecond. */
export const endOf = ({ asOf }: Moment): string => new Date(Date.parse(asOf) + 1).toISOString();

/** The same knowledge up to another time. */
export const momentAt = (moment: Moment, asOf: string): Moment => ({ ...moment, asOf });

/** The earlier of the moment and the end of a day. */
export function untilEndOfDay(moment: Moment, day: string): Moment {
  const end = lastOfDay(day);
  return moment.asOf <= end ? moment : { ...moment, asOf: end };
}

/** The same knowledge of what happened before a day. */
export const beforeDay = (moment: Moment, day: string): Moment => untilEndOfDay(moment, dayAfter(day, -1));

export const firstOfDay = (day: string): string => `${day}T00:00:00.000Z`;
export const lastOfDay = (day: string): string => `${day}T23:59:59.999Z`;

/** Days are UTC. */
export const dayOf = (time: string): string => time.slice(0, 10);

export const dayAfter = (day: string, days = 1): string =>
  dayOf(new Date(Date.parse(`${day}T00:00:00Z`) + days * millisecondsPerDay).toISOString());
