import { type BookedMovement, byPlace, type ChainMovement, type Place } from './movement.js';

/** What two sides say of one place. */
export type Pairing =
  | { readonly kind: 'matched'; readonly chain: ChainMovement; readonly booked: BookedMovement }
  /** On chain, and not in the books. */
  | { readonly kind: 'unbooked'; readonly chain: ChainMovement }
  /** In the books, and not on chain. */
  | { readonly kind: 'unseen'; readonly booked: BookedMovement }
  /** In the books once more. */
  | { readonly kind: 'again'; readonly booked: BookedMovement; readonly first: BookedMovement };

/** A side whose movements do not come by place: what was paired until then cannot be trusted. */
export class UnsortedMovementsError extends Error {
  override readonly name = 'UnsortedMovementsError';
  readonly code = 'unsorted_movements';
  readonly retryable = false;

  constructor(side: 'chain' | 'books', { block, transaction, part }: Place) {
    super(`Movements of the ${side} come out of order at block ${block}, ${transaction} ${part}.`);
  }
}

/**
 * Pairs what the chain has with what the books have, both sorted by place: each movement comes out in exactly one
 * pairing, in the order of places. Holds one movement of each side, however long they are.
 *
 * @throws UnsortedMovementsError.
 */
export function* pairUp(
  chain: Iterable<ChainMovement>,
  books: Iterable<BookedMovement>,
): Generator<Pairing, void, undefined> {
  const seen = onlyOnce(inOrder('chain', chain));
  const booked = inOrder('books', books);
  let left = seen.next();
  let right = booked.next();
  while (left.done !== true || right.done !== true) {
    const order = orderOf(left, right);
    if (order < 0 && left.done !== true) {
      yield { kind: 'unbooked', chain: left.value };
      left = seen.next();
      continue;
    }
    if (right.done === true) return;
    const first = right.value;
    if (order === 0 && left.done !== true) {
      yield { kind: 'matched', chain: left.value, booked: first };
      left = seen.next();
    } else yield { kind: 'unseen', booked: first };
    right = booked.next();
    while (right.done !== true && byPlace(right.value.place, first.place) === 0) {
      yield { kind: 'again', booked: right.value, first };
      right = booked.next();
    }
  }
}

type Head<Movement> = IteratorResult<Movement, void>;

function orderOf(left: Head<ChainMovement>, right: Head<BookedMovement>): number {
  if (left.done === true) return 1;
  if (right.done === true) return -1;
  return byPlace(left.value.place, right.value.place);
}

function* inOrder<Movement extends { readonly place: Place }>(
  side: 'chain' | 'books',
  movements: Iterable<Movement>,
): Generator<Movement, void, undefined> {
  let before: Place | null = null;
  for (const movement of movements) {
    if (before !== null && byPlace(before, movement.place) > 0)
      throw new UnsortedMovementsError(side, movement.place);
    before = movement.place;
    yield movement;
  }
}

/** A log is one log, however many answers of a node it is in. */
function* onlyOnce(movements: Iterable<ChainMovement>): Generator<ChainMovement, void, undefined> {
  let before: Place | null = null;
  for (const movement of movements) {
    if (before !== null && byPlace(before, movement.place) === 0) continue;
    before = movement.place;
    yield movement;
  }
}
