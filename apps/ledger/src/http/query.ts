import { z } from 'zod';

import { ProblemError } from './problem.error.js';

/**
 * Reads query or path parameters.
 *
 * @throws ProblemError 400 that names each parameter that is wrong, and those that there are.
 */
export function readParameters<Schema extends z.ZodObject>(schema: Schema, given: unknown): z.output<Schema> {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw ProblemError.invalid(parsed.error.issues.map((issue) => problemOf(issue, schema)).join(' '));
}

const quotedLengthMax = 60;
const quoted = (text: string): string => JSON.stringify(text.slice(0, quotedLengthMax));

function problemOf(issue: z.core.$ZodIssue, schema: z.ZodObject): string {
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(schema.shape).join(', ');
    return `There is no parameter ${issue.keys.map(quoted).join(', ')}; there are ${known}.`;
  }
  return `Parameter "${issue.path.join('.')}": ${issue.message}.`;
}
