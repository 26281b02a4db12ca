import { readFileSync } from 'node:fs';

import type { Person } from './people.js';

const path = new URL('../../../docs/operations/closing-a-period.md', import.meta.url);

/** The document is about November; the month that is generated is October, and another chain. */
const ofTheMonth = [
  ['2026-12-01T', '2026-11-01T'],
  ['2026-11-30T', '2026-10-31T'],
  ['84532', '8453'],
] as const;

/** Who has which role. */
const people: Readonly<Record<string, Person>> = {
  controller: 'cleo',
  operator: 'ada',
  auditor: 'otto',
};

/** One `tell` or `ask` of the document. */
export type Command = { readonly by: Person; readonly path: string; readonly body: Record<string, unknown> };

/** What docs/operations/closing-a-period.md says is to be sent in one of its steps, in order. */
export function written(step: number): Command[] {
  const text = ofTheMonth.reduce((all, [from, to]) => all.replaceAll(from, to), readFileSync(path, 'utf8'));
  const section = text.split(/^## /m).find((one) => one.startsWith(`${step}. `)) ?? '';
  const [, commands = ''] = /```sh\n([^]*?)```/.exec(section) ?? [];
  return [...commands.matchAll(/^(?:tell|ask) (\w+) '?(\/[^\s']+)'?(?: '([^']*)')?/gm)].map(
    ([line, role = '', to = '', body = '{}']) => {
      const by = people[role];
      if (by === undefined) throw new RangeError(`nobody here is ${role}: ${line}`);
      return { by, path: to, body: JSON.parse(body) as Command['body'] };
    },
  );
}

/** A command with the id that its reader puts in. */
export const withId = (command: Command | undefined, id: string): Command => {
  if (command === undefined) throw new RangeError('the procedure has no such command');
  return { ...command, path: command.path.replace(/\$[A-Z]+/, id) };
};
