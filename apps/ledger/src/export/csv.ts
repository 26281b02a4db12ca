/** RFC 4180, and nothing that a spreadsheet would run. */

const lineEnd = '\r\n';
const plainNumber = /^-?[0-9]+(\.[0-9]+)?$/;
const formulaStart = /^[=+\-@\t\r]/;
const needsQuotes = /[",\r\n]/;

/** A text that a spreadsheet would take for a formula gets an apostrophe in front; a number, negative ones too, is one. */
export function csvField(value: string | number | null): string {
  if (value === null) return '';
  const text = String(value);
  const guarded = formulaStart.test(text) && !plainNumber.test(text) ? `'${text}` : text;
  return needsQuotes.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}

export const csvRow = (fields: readonly (string | number | null)[]): string =>
  `${fields.map(csvField).join(',')}${lineEnd}`;

export const byteOrderMark = '\uFEFF';
