/** Every path of a JSON value, to objects and lists and to what they hold. */
export function paths(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, field]) => paths(field, [...path, key]))];
}

/** A copy with another value at a path. */
export function replaced(value: unknown, path: readonly string[], by: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return by;
  if (Array.isArray(value)) {
    return value.map((entry: unknown, index) => (String(index) === key ? replaced(entry, rest, by) : entry));
  }
  const record = value as Record<string, unknown>;
  return { ...record, [key]: replaced(record[key], rest, by) };
}
