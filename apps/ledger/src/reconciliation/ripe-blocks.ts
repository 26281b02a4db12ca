/** Final blocks that are remembered until they are ripe. */
const rememberedMax = 1_000;

/** The last final block that has been known for so long that the books should have what is in it. */
export class RipeBlocks<Block extends { readonly number: bigint }> {
  #waiting: { readonly block: Block; readonly seenAtMs: number }[] = [];
  #ripe: Block | null = null;

  constructor(private readonly graceMs: number) {}

  take(final: Block, nowMs: number): Block | null {
    if (this.#waiting.at(-1)?.block.number !== final.number && this.#waiting.length < rememberedMax)
      this.#waiting.push({ block: final, seenAtMs: nowMs });
    while (this.#waiting[0] !== undefined && this.#waiting[0].seenAtMs + this.graceMs <= nowMs)
      this.#ripe = this.#waiting.shift()?.block ?? null;
    return this.#ripe;
  }
}
