/** Hashes that were sealed are not there any more: somebody removed them with the owner's rights. */
export class TreeBrokenError extends Error {
  override readonly name = 'TreeBrokenError';
  readonly code = 'tree_broken';
  readonly retryable = false;

  constructor(level: number, place: number) {
    super(`Hashes of level ${level} that were sealed are missing (number ${place} of those asked for).`);
  }
}

/** What is to be sealed is not there as it was queued: somebody changed it with the owner's rights. */
export class QueueBrokenError extends Error {
  override readonly name = 'QueueBrokenError';
  readonly code = 'seal_queue_broken';
  readonly retryable = false;

  constructor(
    readonly batch: string,
    wanted: string,
    found: number,
  ) {
    super(`Of the ${wanted} transactions that are to be sealed by the number ${batch} there are ${found}.`);
  }
}

/** What was to sign checkpoints cannot. Never says anything of the key itself. */
export class CheckpointKeyError extends Error {
  override readonly name = 'CheckpointKeyError';
  readonly code = 'checkpoint_key_invalid';
}
