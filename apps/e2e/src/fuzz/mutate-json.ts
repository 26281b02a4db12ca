import type { SeededRandom } from '../random.js';

/** Changes of JSON data that keep it JSON: what has the right form nearly everywhere gets furthest. */
type Place = { readonly holder: Record<string, unknown> | unknown[]; readonly key: string | number };

const odd: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e308,
  Number.MAX_SAFE_INTEGER + 1,
  '',
  ' ',
  '0',
  '00',
  '-1',
  '1e5',
  '0x',
  '0X1',
  'null',
  'NaN',
  '\u0000',
  '\ud800',
  '\uffff\u202e',
  '٣',
  '𝟙',
  '💸',
  "'; DROP TABLE facilitator.payment; --",
  '../../etc/passwd',
  '${7*7}',
  '%s%n%x',
  '<script>',
  [],
  {},
  [[[[[]]]]],
  { toString: 1, valueOf: null, length: 'x' },
  { constructor: { prototype: { polluted: 1 } } },
  { toJSON: 'x' },
  String(2n ** 256n - 1n),
  String(2n ** 256n),
  `0x${'f'.repeat(64)}`,
  `0x${'0'.repeat(40)}`,
  'eip155:84532',
  'eip155:0',
  'eip155:99999999999999999999',
  'base-sepolia',
  'exact',
  'upto',
  'permit2',
];
const names = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'length',
  'then',
  'extra',
  '',
  'a b',
  'ä',
];
const longText = 70_000;
const deep = 40;
const wide = 6_000;

/** Changes one to three things. The value itself is changed. */
export function mutateJson(value: Record<string, unknown>, random: SeededRandom): void {
  const times = 1 + random.below(3);
  for (let index = 0; index < times; index += 1) {
    const places = placesIn(value);
    const place = places[random.below(places.length)];
    if (place !== undefined) changeAt(place, places, random);
  }
}

function placesIn(value: unknown, found: Place[] = []): Place[] {
  if (typeof value !== 'object' || value === null || found.length > wide) return found;
  const holder = value as Record<string, unknown> | unknown[];
  for (const key of Array.isArray(holder) ? holder.keys() : Object.keys(holder)) {
    found.push({ holder, key });
    placesIn(get({ holder, key }), found);
  }
  return found;
}

function changeAt(place: Place, places: readonly Place[], random: SeededRandom): void {
  const other = places[random.below(places.length)] ?? place;
  const changes: readonly (() => void)[] = [
    () => set(place, oddValue(random)),
    () => set(place, oddValue(random)),
    () => set(place, changedText(textOf(get(place)), random)),
    () => set(place, changedText(textOf(get(place)), random)),
    () => set(place, undefined),
    () => set(place, copyOf(get(other))),
    () => set(place, { [names[random.below(names.length)] ?? '']: copyOf(get(place)) }),
    () => set(place, [copyOf(get(place))]),
    () => add(place, random),
    () => set(place, 'x'.repeat(random.below(longText))),
    () => set(place, nested(1 + random.below(deep))),
    () =>
      set(
        place,
        Array.from({ length: random.below(wide) }, () => 0),
      ),
    () => set(place, Number(textOf(get(place)))),
    () => set(place, textOf(get(place))),
  ];
  changes[random.below(changes.length)]?.();
}

/** A field more, or an entry. */
function add({ holder }: Place, random: SeededRandom): void {
  const value = oddValue(random);
  if (Array.isArray(holder)) holder.push(value);
  else set({ holder, key: names[random.below(names.length)] ?? 'a' }, value);
}

function changedText(text: string, random: SeededRandom): string {
  const at = random.below(text.length + 1);
  const rest = text.slice(at);
  const characters = '0123456789abcdefxABCDEF-:. \n"\\';
  const character = characters.charAt(random.below(characters.length));
  const changes = [
    text.slice(0, at) + character + rest,
    text.slice(0, at) + rest.slice(1),
    text.slice(0, at) + character + rest.slice(1),
    text.slice(0, at),
    text + text,
    text.toUpperCase(),
    [...text].reverse().join(''),
  ];
  return changes[random.below(changes.length)] ?? text;
}

/** A copy: it may be changed further. */
function oddValue(random: SeededRandom): unknown {
  return copyOf(odd[random.below(odd.length)]);
}

/** Some of what is put in has no text of its own. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

function nested(depth: number): unknown {
  let value: unknown = 0;
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

function get({ holder, key }: Place): unknown {
  return (holder as Record<string | number, unknown>)[key];
}

function set({ holder, key }: Place, value: unknown): void {
  if (Array.isArray(holder)) holder[Number(key)] = value ?? null;
  else if (value === undefined) delete holder[key];
  else if (key === '__proto__')
    Object.defineProperty(holder, key, { value, enumerable: true, configurable: true });
  else holder[key] = value;
}

function copyOf(value: unknown): unknown {
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
}
