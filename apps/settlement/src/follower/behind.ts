import type { Log } from '../loop/wakeable.loop.js';

/** A head this far behind what was applied is not a lagging node but another chain, or one that was reset. */
const behindBlocksMax = 100n;

/** Says once each time that a chain is found shorter than what was followed. */
export class BehindWarning {
  private warned = false;

  constructor(
    private readonly log: Log,
    private readonly chainId: string,
  ) {}

  note(confirmed: bigint, cursor: bigint): void {
    const behind = confirmed + behindBlocksMax < cursor;
    if (behind && !this.warned) {
      this.log.error(
        { chainId: this.chainId, head: confirmed.toString(), followed: cursor.toString() },
        'the chain is shorter than what was already followed: do rpcUrls lead to another chain, or was a development chain reset?',
      );
    }
    this.warned = behind;
  }
}
