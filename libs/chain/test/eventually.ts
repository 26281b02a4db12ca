const waitMaxMs = 20_000;
const restMs = 10;

/** Resolves when it holds. */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + waitMaxMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new TypeError('it never came to hold');
    await new Promise((resolve) => setTimeout(resolve, restMs));
  }
}
