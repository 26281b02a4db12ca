import { echoLengthMax, type JsonLimits } from './limits.js';

/** Where in a JSON document something is: field names and list positions from the root. */
export type JsonPath = readonly PropertyKey[];

export type JsonReading =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly path: JsonPath; readonly problem: string };

class UnreadableJson extends Error {
  override readonly name = 'UnreadableJson';

  constructor(
    readonly path: JsonPath,
    readonly problem: string,
  ) {
    super(problem);
  }
}

type Walk = { readonly limits: JsonLimits; values: number };

/**
 * Copies a value that came in as JSON, and refuses it as soon as it passes a limit or holds what JSON cannot: the
 * copy is plain data that nobody else holds, so nothing read from it later can throw or change. Never throws.
 */
export function readJson(value: unknown, limits: JsonLimits): JsonReading {
  try {
    return { ok: true, value: copy(value, [], { limits, values: 0 }) };
  } catch (fault) {
    if (fault instanceof UnreadableJson) return { ok: false, path: fault.path, problem: fault.problem };
    // Only getters and proxies get here, which no JSON parser makes; they may throw anything at all.
    return { ok: false, path: [], problem: 'is not plain JSON data' };
  }
}

function copy(value: unknown, path: JsonPath, walk: Walk): unknown {
  const { limits } = walk;
  walk.values += 1;
  if (walk.values > limits.valuesMax) {
    throw new UnreadableJson([], `holds more than ${limits.valuesMax} values`);
  }
  if (typeof value === 'string') {
    if (value.length <= limits.textLengthMax) return value;
    throw new UnreadableJson(path, `is longer than ${limits.textLengthMax} characters`);
  }
  if (value === null || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) {
    return value;
  }
  if (typeof value !== 'object') throw new UnreadableJson(path, 'is not a JSON value');
  if (path.length >= limits.depthMax) {
    throw new UnreadableJson(path, `is nested deeper than ${limits.depthMax} levels`);
  }
  return Array.isArray(value) ? copyList(value, path, walk) : copyObject(value, path, walk);
}

function copyList(list: readonly unknown[], path: JsonPath, walk: Walk): unknown[] {
  if (list.length > walk.limits.valuesMax) {
    throw new UnreadableJson([], `holds more than ${walk.limits.valuesMax} values`);
  }
  return Array.from(list, (entry, index) => copy(entry, [...path, index], walk));
}

function copyObject(value: object, path: JsonPath, walk: Walk): Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw new UnreadableJson(path, 'is not a plain JSON object');
  }
  const result: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(value)) {
    if (key.length > walk.limits.keyLengthMax) {
      throw new UnreadableJson(path, `has a field name longer than ${walk.limits.keyLengthMax} characters`);
    }
    // Object code everywhere treats this name specially; no payload has a use for it.
    if (key === '__proto__')
      throw new UnreadableJson(path, 'has a field named "__proto__", which is never read');
    if (field !== undefined) result[key] = copy(field, [...path, key], walk);
  }
  return result;
}

/** A path as people write it: `paymentPayload.accepted.amount`, `accepts[0].network`. */
export function formatJsonPath(path: JsonPath): string {
  return path
    .map((step, index) => {
      if (typeof step === 'number') return `[${step}]`;
      const name = String(step).slice(0, echoLengthMax);
      if (!/^[A-Za-z_$][\w$-]*$/.test(name)) return `[${JSON.stringify(name)}]`;
      return index === 0 ? name : `.${name}`;
    })
    .join('');
}
