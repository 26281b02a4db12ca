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
  paymentAcceptedVariants,
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

const { fixture: accepted } = catalogue['payment.accepted'];
const variants = Object.entries(paymentAcceptedVariants);

describe('payment.accepted', () => {
  it.each(variants)('reads its frozen fixture of %s back unchanged, and builds it', (_what, fixture) => {
    expect(parseEvent(JSON.parse(JSON.stringify(fixture)))).toEqual({ ok: true, event: fixture });
    const { id, type, occurredAt, causationId, data } = fixture;
    expect(createEvent({ id, type, occurredAt: new Date(occurredAt), causationId, data })).toEqual(fixture);
  });

  const relayer = paymentAcceptedVariants['upto for less than permitted'].data.facilitator;
  const { sponsoring } = paymentAcceptedVariants['exact with Permit2 and an EIP-2612 permit'].data;
  it.each([
    ['upto without a facilitator', { scheme: 'upto', method: 'permit2' }],
    ['upto by EIP-3009', { scheme: 'upto', facilitator: relayer }],
    ['exact with a facilitator', { facilitator: relayer }],
    ['EIP-3009 with a permit for an allowance', { sponsoring }],
    ['a sponsoring of no known kind', { method: 'permit2', sponsoring: { ...sponsoring, kind: 'gift' } }],
    [
      'a permit without a deadline',
      { method: 'permit2', sponsoring: { ...sponsoring, deadline: undefined } },
    ],
    ['a signature of half a byte', { signature: '0x123' }],
    ['a signature above 8 KiB', { signature: `0x${'ab'.repeat(8_193)}` }],
  ])('is poison with %s', (_what, change) => {
    const message = { ...accepted, data: { ...accepted.data, ...change } };
    expect(parseEvent(message)).toEqual({ ok: false, problem: expect.stringMatching(/./) });
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
