import { z } from 'zod';

import { eventSchemas, type EventType } from './catalogue.js';

/** The JSON Schema (2020-12) of each event by file name; `docs/events/` holds them, and a test compares. */
export function eventJsonSchemas(): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const type of Object.keys(eventSchemas) as EventType[]) {
    // The wire form is what goes in: branding transforms have no JSON Schema of their own.
    const schema = z.toJSONSchema(eventSchemas[type], { io: 'input' });
    files.set(`${type}.v1.schema.json`, `${JSON.stringify({ title: type, ...schema }, null, 2)}\n`);
  }
  return files;
}
