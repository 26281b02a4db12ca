import type { SeededRandom } from '../random.js';

/** Changes of a JSON text after which it may be none: cut, doubled, with bytes that are no UTF-8. */
const fragments: readonly string[] = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ',',
  ':',
  '1e999',
  '-',
  '0x1',
  '\\u0000',
  '\\ud800',
  '\u0000',
  '\ufeff',
  'NaN',
  'undefined',
  '//',
  '/**/',
  "'",
  '{"__proto__":{"a":1}}',
  '"x402Version":1,',
  '"x402Version":2,',
  '['.repeat(2_000),
  '{"a":'.repeat(2_000),
  '9'.repeat(2_000),
];
const invalidUtf8 = [0xff, 0xc0, 0x80, 0xed, 0xa0, 0x80];

export function mutateBytes(bytes: Buffer, random: SeededRandom): Buffer {
  const at = random.below(bytes.length + 1);
  const to = at + random.below(bytes.length - at + 1);
  const [before, within, after] = [bytes.subarray(0, at), bytes.subarray(at, to), bytes.subarray(to)];
  const rest = bytes.subarray(at);
  const fragment = Buffer.from(fragments[random.below(fragments.length)] ?? '');
  const changes: readonly (() => Buffer)[] = [
    () => before,
    () => Buffer.concat([before, after]),
    () => Buffer.concat([before, fragment, rest]),
    () => Buffer.concat([before, fragment, after]),
    () => Buffer.concat([before, within, within, after]),
    () => Buffer.concat([before, Buffer.from([invalidUtf8[random.below(invalidUtf8.length)] ?? 0xff]), rest]),
    () => Buffer.concat([bytes, bytes]),
    () => Buffer.concat([fragment, bytes]),
    () => Buffer.from(Array.from({ length: random.below(400) }, () => random.below(256))),
    () => Buffer.alloc(0),
  ];
  return changes[random.below(changes.length)]?.() ?? bytes;
}
