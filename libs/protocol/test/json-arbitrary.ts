import fc from 'fast-check';

/** JSON values within our limits, with the names and texts that trip careless code. */
const name = fc
  .oneof(
    fc.string({ maxLength: 12 }),
    fc.constantFrom('constructor', 'toString', 'x402Version', 'length', 'ä', '\ud800', '\u2028', ''),
  )
  .filter((key) => key !== '__proto__');

export const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (number === 0 ? 0 : number)),
    fc.string({ maxLength: 20, unit: 'binary' }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(name, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;

export const jsonObject = fc.dictionary(name, json, { maxKeys: 5, noNullPrototype: true });
