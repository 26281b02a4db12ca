export type Known = { readonly block: bigint; readonly value: bigint };

/**
 * The blocks, after the first and up to the last, in which a value changed; asks for as few as it can, halves at a time.
 * Where the value is the same at both ends nothing is looked for between them.
 */
export async function changesBetween(
  valueAt: (block: bigint) => Promise<bigint>,
  first: Known,
  last: Known,
): Promise<Known[]> {
  if (first.value === last.value || first.block >= last.block) return [];
  if (last.block - first.block === 1n) return [last];
  const block = (first.block + last.block) / 2n;
  const middle = { block, value: await valueAt(block) };
  const halves = await Promise.all([
    changesBetween(valueAt, first, middle),
    changesBetween(valueAt, middle, last),
  ]);
  return halves.flat();
}
