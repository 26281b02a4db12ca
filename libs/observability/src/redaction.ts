/** Property names whose values never reach a log, compared without case, `_` and `-`. */
const secretNames = new Set([
  'authorization',
  'cookie',
  'databaseurl',
  'mnemonic',
  'password',
  'paymentsignature',
  'privatekey',
  'raw',
  'rawtransaction',
  'relayerprivatekey',
  'secret',
  'serializedtransaction',
  'signature',
  'token',
  'xpayment',
]);

const mask = '[redacted]';
const depthMax = 6;
const itemsMax = 50;
/** The shortest thing to hide is a compact signature of 64 bytes; a hash or an address stays readable. */
const longHex = /(?:0x)?[0-9a-fA-F]{128,}/g;
const credentialsInUrl = /(:\/\/[^\s:/@"]*):[^\s/@"]+@/g;

/** Hides, in any text, what looks like a signature, call data or a raw transaction, and passwords inside URLs. */
export function redactText(text: string): string {
  return text.replace(longHex, mask).replace(credentialsInUrl, `$1:${mask}@`);
}

/** A copy of a log record without secrets, by name and by look; bounded in depth and width, so that it cannot be made to run long. */
export function redactFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return redactEntries(Object.entries(fields), 0);
}

function redactEntries(
  entries: ReadonlyArray<readonly [string, unknown]>,
  depth: number,
): Record<string, unknown> {
  const shown = entries.slice(0, itemsMax);
  return Object.fromEntries(
    shown.map(([name, value]) => [name, isSecret(name) ? mask : redactValue(value, depth + 1)]),
  );
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return value.toString(10);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (depth > depthMax) return '[deep]';
  if (value instanceof Error) return redactError(value, depth);
  if (Array.isArray(value)) return value.slice(0, itemsMax).map((item) => redactValue(item, depth + 1));
  return redactEntries(Object.entries(value), depth);
}

function redactError(error: Error, depth: number): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  const known: Array<readonly [string, unknown]> = [
    ['type', name],
    ['message', message],
    ['stack', stack],
  ];
  if (cause !== undefined) known.push(['cause', cause]);
  const own = Object.entries(error).filter(([key]) => !['name', 'message', 'stack', 'cause'].includes(key));
  return redactEntries([...known, ...own], depth);
}

function isSecret(name: string): boolean {
  return secretNames.has(name.toLowerCase().replace(/[_-]/g, ''));
}
