import type { z } from 'zod';

import { formatJsonPath, type JsonPath } from './json.js';
import { echoLengthMax, issuesNamedMax } from './limits.js';

/**
 * What is wrong with a payload, in words for whoever sent it: the path of each mistake and what to send there. Names
 * at most `issuesNamedMax`.
 */
export function describeIssues(issues: readonly z.core.$ZodIssue[], root: unknown, rootName: string): string {
  return issues
    .slice(0, issuesNamedMax)
    .map((issue) => describeIssue(issue, root, rootName))
    .join(' ');
}

function describeIssue(issue: z.core.$ZodIssue, root: unknown, rootName: string): string {
  const path = formatJsonPath(issue.path) || rootName;
  if (issue.code === 'unrecognized_keys') {
    const names = issue.keys
      .slice(0, issuesNamedMax)
      .map((key) => formatJsonPath([...issue.path, key.slice(0, echoLengthMax)]));
    return `${names.join(', ')}: no such field here; leave it out.`;
  }
  return `${path} ${valueAt(root, issue.path) === undefined ? 'is missing' : 'is not usable'}: send ${issue.message}.`;
}

function valueAt(root: unknown, path: JsonPath): unknown {
  return path.reduce<unknown>(
    (value, step) =>
      typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[step] : undefined,
    root,
  );
}
