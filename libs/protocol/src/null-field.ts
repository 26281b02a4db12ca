type NullableKeys<T> = { [Key in keyof T]-?: null extends T[Key] ? Key : never }[keyof T];

type Flat<T> = { [Key in keyof T]: T[Key] };

/** An object type whose nullable fields are absent instead of null: the shape the published SDK types have. */
export type WithoutNulls<T> = Flat<
  Omit<T, NullableKeys<T>> & { [Key in NullableKeys<T>]?: NonNullable<T[Key]> }
>;

/**
 * Drops fields that are null or undefined. Some implementations send an explicit null for what they have not got;
 * absent and null mean the same on this wire, and must not make two fingerprints of one payment.
 */
export function withoutNulls<T extends object>(value: T): WithoutNulls<T> {
  return Object.fromEntries(
    Object.entries(value).filter(([, field]) => field !== null && field !== undefined),
  ) as WithoutNulls<T>;
}
