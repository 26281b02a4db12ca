/** How long records may wait for others while they come in many small rounds. */
export const busyGatherMs = 15;
const windowMs = 100;
/** More rounds than one payment after the other makes, or a crowd that moves as one. */
const busyRoundsMin = 12;
/** While rounds gather there are fewer of them: below this it is calm again. */
const calmRoundsMax = 2;

/** Whether rounds are so many that it pays to gather: what comes alone, or all at once, must not wait for anything. */
export class Pace {
  #rounds: number[] = [];
  #busy = false;

  /** A round brought something. */
  note(nowMs: number): void {
    this.#rounds.push(nowMs);
    this.#forget(nowMs);
  }

  /** How long to wait for more before the next look. */
  gatherMs(nowMs: number): number {
    this.#forget(nowMs);
    const rounds = this.#rounds.length;
    this.#busy = this.#busy ? rounds > calmRoundsMax : rounds >= busyRoundsMin;
    return this.#busy ? busyGatherMs : 0;
  }

  #forget(nowMs: number): void {
    this.#rounds = this.#rounds.filter((atMs) => nowMs - atMs < windowMs);
  }
}
