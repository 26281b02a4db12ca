import { z } from 'zod';

export const pageLimitDefault = 100;
export const pageLimitMax = 1_000;
const cursorLengthMax = 1_000;

export const limitParameter = z
  .string()
  .regex(/^[0-9]{1,4}$/, `must be a whole number from 1 to ${pageLimitMax}`)
  .transform(Number)
  .refine((limit) => limit >= 1 && limit <= pageLimitMax, `must be a whole number from 1 to ${pageLimitMax}`)
  .default(pageLimitDefault)
  .describe(`Items on a page, 1 to ${pageLimitMax}; ${pageLimitDefault} unless told.`);

export const digits = z.string().regex(/^[0-9]{1,18}$/);

/** A place in a list, opaque to the caller: the sort keys of the last item of the page before. */
export function cursorParameter<Keys extends z.ZodType>(keys: Keys) {
  return z
    .string()
    .max(cursorLengthMax, 'is not a cursor that this list gave; leave it out to begin at the start')
    .transform((text, context): z.output<Keys> => {
      const parsed = keys.safeParse(parsedJson(Buffer.from(text, 'base64url').toString('utf8')));
      if (parsed.success) return parsed.data;
      context.addIssue({
        code: 'custom',
        message: 'is not a cursor that this list gave; leave it out to begin at the start',
      });
      return z.NEVER;
    })
    .optional()
    .describe('`nextCursor` of the page before; leave it out for the first page.');
}

/** Anyone may send anything for a cursor: what is no JSON is no cursor either. */
function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export type Page<Item> = { items: Item[]; nextCursor: string | null };

/** The answer's schema for a list. */
export const pageSchema = <Item extends z.ZodType>(item: Item) =>
  z.strictObject({
    items: z.array(item),
    nextCursor: z.string().nullable().describe('Send it as `cursor` for the next page; null on the last.'),
  });

type PageParts<Row, Item> = {
  /** One more than the limit where there are more. */
  readonly rows: readonly Row[];
  readonly limit: number;
  readonly keys: (row: Row) => readonly (string | number)[];
  readonly view: (row: Row) => Item;
};

/** Cuts what was read (limit + 1 rows) to a page. */
export function pageOf<Row, Item>({ rows, limit, keys, view }: PageParts<Row, Item>): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const more = rows.length > limit && last !== undefined;
  return {
    items: shown.map(view),
    nextCursor: more ? Buffer.from(JSON.stringify(keys(last))).toString('base64url') : null,
  };
}
