import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { catalogue, type EventType, parseEvent, paymentAcceptedVariants } from './index.js';

/** Every path of a JSON value, to objects and lists and to what they hold. */
function paths(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, field]) => paths(field, [...path, key]))];
}

function replaced(value: unknown, [key, ...rest]: readonly string[], by: unknown): unknown {
  if (key === undefined) return by;
  const record = value as Record<string, unknown>;
  return { ...record, [key]: replaced(record[key], rest, by) };
}

const fixtures: readonly object[] = [
  ...(Object.keys(catalogue) as EventType[]).map((type) => catalogue[type].fixture),
  ...Object.values(paymentAcceptedVariants),
];
const places = fixtures.flatMap((fixture) => paths(fixture).map((path) => ({ fixture, path })));

/** To compare one of these with a number or a text throws. */
const unprintable = fc.constantFrom('toString', 'valueOf').map((key) => ({ [key]: '', toString: '' }));

const claimsLength = fc
  .oneof(unprintable, fc.constantFrom<unknown>(-1, 1e9, '9', null, [], [9]))
  .map((length) => ({ length, size: length }));

const noNumber = fc.constantFrom('', ' ', '1.5', '-1', '0x', '0xzz', '1e3', '١', 'NaN', '9'.repeat(80));

describe('a poison message', () => {
  it('is never an event and never a fault, whatever holds an object that claims a length', () => {
    fc.assert(
      fc.property(fc.constantFrom(...places), claimsLength, ({ fixture, path }, hostile) => {
        expect(parseEvent(replaced(fixture, path, hostile))).toEqual({
          ok: false,
          problem: expect.stringMatching(/./),
        });
      }),
      { numRuns: 1_000 },
    );
  });

  it('names the field, once', () => {
    const { fixture } = catalogue['settlement.failed'];
    const message = { ...fixture, data: { ...fixture.data, detail: { length: 1e9 } } };
    expect(parseEvent(message)).toEqual({
      ok: false,
      problem: '✖ Invalid input: expected string, received object\n  → at data.detail',
    });
  });

  it('is never a fault where a number is spelt in any other way', () => {
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.oneof(noNumber, fc.string()), ({ fixture, path }, text) => {
        expect(parseEvent(replaced(fixture, path, text))).toEqual(
          expect.objectContaining({ ok: expect.any(Boolean) }),
        );
      }),
      { numRuns: 2_000 },
    );
  });

  it('is never a fault with any JSON in any place', () => {
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.jsonValue(), ({ fixture, path }, value) => {
        expect(parseEvent(replaced(fixture, path, value))).toEqual(
          expect.objectContaining({ ok: expect.any(Boolean) }),
        );
      }),
      { numRuns: 2_000 },
    );
  });
});
