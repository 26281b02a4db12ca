import { z } from 'zod';

import { momentFields } from './moment.schema.js';

const cursorLengthMax = 1_500;

export const notACursor = 'is not a cursor that this list gave; leave it out to begin at the start';

/** A place in a list, opaque to the caller. What reads it is `ReadingRepository`. */
export const momentCursor = z
  .string()
  .max(cursorLengthMax, notACursor)
  .regex(/^[-_a-zA-Z0-9]+\.[-_a-zA-Z0-9]+$/, notACursor)
  .optional()
  .describe(
    '`nextCursor` of the page before, with the same parameters; leave it out for the first page. All pages are of one moment.',
  );

export type MomentPage<Item> = { asOf: string; asKnownAt: string; items: Item[]; nextCursor: string | null };

/** The answer's schema for a list that is of one moment. */
export const momentPageSchema = <Item extends z.ZodType>(item: Item) =>
  z.strictObject({
    ...momentFields,
    items: z.array(item),
    nextCursor: z.string().nullable().describe('Send it as `cursor` for the next page; null on the last.'),
  });

type PageParts<Row, Item, Keys> = {
  readonly reading: {
    readonly moment: { readonly asOf: string; readonly asKnownAt: string };
    readonly cursorAfter: (keys: Keys) => string;
  };
  /** One more than the limit where there are more. */
  readonly rows: readonly Row[];
  readonly limit: number;
  readonly keys: (row: Row) => Keys;
  readonly view: (row: Row) => Item | readonly Item[];
};

/** Cuts what was read (limit + 1 rows) to a page. */
export function momentPageOf<Row, Item, Keys>(parts: PageParts<Row, Item, Keys>): MomentPage<Item> {
  const { reading, rows, limit, keys, view } = parts;
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const more = rows.length > limit && last !== undefined;
  const { asOf, asKnownAt } = reading.moment;
  return {
    asOf,
    asKnownAt,
    items: shown.flatMap(view) as Item[],
    nextCursor: more ? reading.cursorAfter(keys(last)) : null,
  };
}
