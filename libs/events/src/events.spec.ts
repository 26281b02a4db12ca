import { readdirSync, readFileSync } from 'node:fs';

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import {
  catalogue,
  createEvent,
  eventJsonSchemas,
  eventSchemas,
  type EventType,
  parseEvent,
  topicOf,
} from './index.js';

const types = Object.keys(catalogue) as EventType[];
const schemaFolder = new URL('../../../docs/events/', import.meta.url);

describe('the catalogue', () => {
  it.each(types)('%s reads its frozen fixture back unchanged', (type) => {
    const fixture = catalogue[type].fixture;
    expect(parseEvent(JSON.parse(JSON.stringify(fixture)))).toEqual({ ok: true, event: fixture });
  });

  it.each(types)('%s is built by createEvent exactly as its fixture', (type) => {
    const { id, occurredAt, causationId, data } = catalogue[type].fixture;
    expect(createEvent({ id, type, occurredAt: new Date(occurredAt), causationId, data } as never)).toEqual(
      catalogue[type].fixture,
    );
  });

  it.each(types)('%s has a topic that says its version', (type) => {
    expect(topicOf({ type })).toMatch(/\.v1$/);
  });

  it('is described in docs/events by schemas that equal the generated ones', () => {
    const generated = eventJsonSchemas();
    expect(readdirSync(schemaFolder).sort()).toEqual([...generated.keys()].sort());
    for (const [file, text] of generated) {
      expect({ file, text: readFileSync(new URL(file, schemaFolder), 'utf8') }).toEqual({ file, text });
    }
  });
});

describe('a message that is no event', () => {
  const fixture = catalogue['payment.accepted'].fixture;

  it.each([
    ['an unknown type', { ...fixture, type: 'payment.invented' }],
    ['another version', { ...fixture, version: 2 }],
    ['an extra field', { ...fixture, surprise: true }],
    ['a JSON number for an amount', { ...fixture, data: { ...fixture.data, amount: 10000 } }],
    ['an amount above 2^256 − 1', { ...fixture, data: { ...fixture.data, amount: (2n ** 256n).toString() } }],
    [
      'an address in mixed case',
      { ...fixture, data: { ...fixture.data, payer: fixture.data.payer.toUpperCase() } },
    ],
    ['no data', { ...fixture, data: undefined }],
    ['null', null],
  ])('is named poison: %s', (_case, message) => {
    expect(parseEvent(message)).toEqual({ ok: false, problem: expect.stringMatching(/./) });
  });

  it('never makes the parser throw', () => {
    fc.assert(fc.property(fc.anything(), (message) => typeof parseEvent(message).ok === 'boolean'));
  });

  it('is refused at its source too', () => {
    expect(() => eventSchemas['payment.expired'].parse({})).toThrow();
  });
});
