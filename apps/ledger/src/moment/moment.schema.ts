import { z } from 'zod';

import { timeField } from '../http/field.js';
import { firstOfDay, lastOfDay } from './moment.js';

const yearsKnown = /^(19|2[0-9])[0-9]{2}-/;

const dayText = z.iso
  .date('must be a date, like "2026-10-31"')
  .refine((text) => yearsKnown.test(text), 'must be a date from 1900 to 2999');

const timeText = z.iso
  .datetime({ offset: true })
  .refine((text) => yearsKnown.test(text))
  .transform((text) => new Date(text).toISOString());

/** A time, or a date for the start or the end of that day (UTC). To the millisecond, as every answer tells times. */
export const instantParameter = (dayMeans: 'start' | 'end') =>
  z.string().transform((text, context) => {
    const time = timeText.safeParse(text);
    if (time.success) return time.data;
    const day = dayText.safeParse(text);
    if (day.success) return dayMeans === 'end' ? lastOfDay(day.data) : firstOfDay(day.data);
    const message = 'must be a time like "2026-10-31T12:00:00Z", or a date like "2026-10-31"';
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });

const instant = instantParameter('end');

export const dayParameter = dayText;

/** What every read takes. */
export const momentParameters = {
  as_of: instant
    .optional()
    .describe('What had happened by then: a time, or a date for all of that day (UTC). Now unless told.'),
  as_known_at: instant
    .optional()
    .describe(
      'What was known by then: a time, or a date. The latest seal unless told; nothing that is posted later changes the answer.',
    ),
};

/** What every answer repeats: asked again with these, it is the same byte for byte. */
export const momentFields = {
  asOf: timeField.describe(
    'What had happened by then is in the answer. Ask again with it for the same answer.',
  ),
  asKnownAt: timeField.describe(
    'What was sealed by then is in the answer. Ask again with it for the same answer.',
  ),
};

export type MomentQuery = { readonly as_of?: string | undefined; readonly as_known_at?: string | undefined };
