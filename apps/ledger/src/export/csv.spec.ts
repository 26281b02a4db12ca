import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { csvField, csvRow } from './csv.js';

describe('CSV', () => {
  it.each([
    ['=1+1', "'=1+1"],
    ['+49', "'+49"],
    ['+49 30', "'+49 30"],
    ['-5', '-5'],
    ['-0.000001', '-0.000001'],
    ['-5+cmd|x', "'-5+cmd|x"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', "'\t=1"],
    ['a,b', '"a,b"'],
    ['a"b', '"a""b"'],
    ['a\r\nb', '"a\r\nb"'],
    ['=a,"b"', `"'=a,""b"""`],
  ])('writes %j as %j', (text, written) => {
    expect(csvField(text)).toBe(written);
  });

  it('gives back every text that no spreadsheet would run', () => {
    const text = fc.string({ unit: 'binary' }).filter((one) => !/^[=+\-@\t\r]/.test(one));
    fc.assert(
      fc.property(fc.array(text, { minLength: 1 }), (fields) => {
        expect(parsedRow(csvRow(fields))).toEqual(fields);
      }),
    );
  });
});

/** A reader of RFC 4180 that shares nothing with the writer. */
function parsedRow(row: string): string[] {
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    if (row[at] === '"') {
      let text = '';
      at += 1;
      while (row[at] !== '"' || row[at + 1] === '"') {
        text += row[at] === '"' ? '"' : row[at];
        at += row[at] === '"' ? 2 : 1;
      }
      fields.push(text);
      at += 1;
    } else {
      const end = [row.indexOf(',', at), row.indexOf('\r\n', at)].filter((one) => one >= 0);
      const next = Math.min(...end);
      fields.push(row.slice(at, next));
      at = next;
    }
    if (row[at] !== ',') return fields;
    at += 1;
  }
}
