import type { z } from 'zod';

import { ProblemError } from './problem.error.js';

/**
 * Reads the JSON body of a request.
 *
 * @throws ProblemError 400 that names each field that is wrong, and what there is.
 */
export function readBody<Schema extends z.ZodObject>(schema: Schema, given: unknown): z.output<Schema> {
  const parsed = schema.safeParse(given ?? {});
  if (parsed.success) return parsed.data;
  throw ProblemError.invalid(parsed.error.issues.map((issue) => problemOf(issue, schema)).join(' '));
}

const quotedLengthMax = 60;

function problemOf(issue: z.core.$ZodIssue, schema: z.ZodObject): string {
  const place = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    const unknown = issue.keys.map((key) => JSON.stringify(key.slice(0, quotedLengthMax))).join(', ');
    const known = place === '' ? `; there are ${Object.keys(schema.shape).join(', ')}` : '';
    return `There is no field ${unknown}${place === '' ? '' : ` in "${place}"`}${known}.`;
  }
  return place === '' ? 'The body must be a JSON object.' : `Field "${place}": ${issue.message}.`;
}
