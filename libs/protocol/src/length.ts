import { z } from 'zod';

/**
 * Bounds for `.check()` of a text or a list. Zod's own `.min` and `.max` measure whatever claims to have a `length`,
 * of the right type or not: they report it twice, and throw on a length that is no number, like {"toString": ""}.
 * These measure only what has the right type. Nothing that comes from outside may be bounded otherwise.
 */
const hasItsType = (payload: z.core.ParsePayload) => !z.core.util.aborted(payload);

const errorOf = (error: string | undefined) => (error === undefined ? {} : { error: () => error });

/** At least so many characters, or entries. */
export const lengthMin = (minimum: number, error?: string) =>
  new z.core.$ZodCheckMinLength({ check: 'min_length', minimum, when: hasItsType, ...errorOf(error) });

/** At most so many characters, or entries. */
export const lengthMax = (maximum: number, error?: string) =>
  new z.core.$ZodCheckMaxLength({ check: 'max_length', maximum, when: hasItsType, ...errorOf(error) });
