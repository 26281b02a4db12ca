import fc from 'fast-check';

/** JSON values within our limits, with the names and texts that trip careless code. */
const name = fc
  .oneof(
    fc.string({ maxLength: 12 }),
    fc.constantFrom(
      'constructor',
      'toString',
      'valueOf',
      'x402Version',
      'length',
      'size',
      'ä',
      '\ud800',
      '\u2028',
      '',
    ),
  )
  .filter((key) => key !== '__proto__');

/** What no code can turn into a number or a text: to compare it with one throws. */
const unprintable = fc.constantFrom('toString', 'valueOf').map((key) => ({ [key]: '', toString: '' }));

/** Objects that claim a length, or a size, which is anything but one. */
export const claimsLength = fc
  .oneof(unprintable, fc.constantFrom<unknown>(-1, 1e9, '9', null, [], [9]))
  .map((length) => ({ length, size: length }));

export const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (number === 0 ? 0 : number)),
    fc.string({ maxLength: 20, unit: 'binary' }),
    fc.array(tie('value'), { maxLength: 4 }),
    claimsLength,
    fc.dictionary(name, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;

export const jsonObject = fc.dictionary(name, json, { maxKeys: 5, noNullPrototype: true });
