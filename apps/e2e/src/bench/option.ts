/** The names that a list on the command line chooses; a name that is none of them is an error. */
export function chosen<Name extends string>(
  option: string,
  text: string,
  names: readonly Name[],
): ReadonlySet<Name> {
  const wanted = text.split(',').map((name) => name.trim());
  const known = names.filter((name) => wanted.includes(name));
  if (known.length !== wanted.length)
    throw new TypeError(`${option} takes a list of ${names.join(', ')}, and not ${text}`);
  return new Set(known);
}

export function positive(option: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new TypeError(`${option} takes a number above 0, and not ${text}`);
  return value;
}

export function positiveInteger(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new TypeError(`${option} takes a whole number above 0, and not ${text}`);
  return value;
}

/** Where processes leave CPU profiles, if they were asked to. */
export function profiles(folder: string | undefined): { readonly profileFolder?: string } {
  return folder === undefined ? {} : { profileFolder: folder };
}
