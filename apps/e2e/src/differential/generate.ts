import { SeededRandom } from '../random.js';
import { type Cast, type Kind, type Made, pick, usualDraft } from './draft.js';
import type { Act } from './kinds/index.js';
import { partsOf } from './parts.js';

/** Of how many payments one has two things unusual about it, which tells which of them is named. */
const twofold = 6;

/** A payment that is to be made: of what kind, and what is unusual about it. */
type Plan = { readonly act: Act; readonly kind: Kind };

/** Payments with one or two things unusual about each, every kind as often as any other. The seed decides them. */
export function* generated(
  cast: Cast,
  { seed, count, acts }: { readonly seed: number; readonly count: number; readonly acts: readonly Act[] },
): Generator<Made> {
  const random = new SeededRandom(seed);
  const plans = acts.flatMap((act) => act.kinds.map((kind): Plan => ({ act, kind })));
  for (let index = 0; index < count; index += 1) {
    const { act, kind } = plans[index % plans.length] ?? pick(plans, random);
    const second = random.below(twofold) === 0 ? pick(act.kinds, random) : undefined;
    yield made(
      cast,
      { act, kinds: second !== undefined && goTogether(kind, second) ? [kind, second] : [kind] },
      random,
    );
  }
}

/** How many payments have every kind once. */
export function kindCount(acts: readonly Act[]): number {
  return acts.reduce((sum, { kinds }) => sum + kinds.length, 0);
}

function goTogether(first: Kind, second: Kind): boolean {
  return first !== second && (first.sets === undefined || first.sets !== second.sets);
}

function made(
  cast: Cast,
  { act, kinds }: { readonly act: Act; readonly kinds: readonly Kind[] },
  random: SeededRandom,
): Made {
  const { scene } = act;
  const draft = usualDraft(scene, cast, random);
  for (const { draft: change } of kinds) change?.(draft, cast, random);
  const parts = partsOf(draft, cast, random);
  for (const { body: change } of kinds) change?.(parts, random);
  return {
    scene,
    body: JSON.parse(JSON.stringify(parts.body)) as Made['body'],
    kinds: kinds.map(({ name }) => name),
  };
}
