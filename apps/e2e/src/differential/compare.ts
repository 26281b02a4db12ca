import { type Difference, explanationOf } from './differences.js';
import type { Json, Made, Scene } from './draft.js';

/** What a side says of a payment: `valid`, the word of its reason, or `error` where it throws. */
export type Judges = {
  readonly ours: (body: Json) => Promise<string>;
  readonly theirs: (body: Json) => Promise<string>;
};

/** Payments that the two judge differently in the same way, for the same reason. */
export type DifferenceClass = {
  readonly theirs: string;
  readonly ours: string;
  count: number;
  /** What was unusual about one of them; one with but one such thing, if there is one. */
  example: string;
  /** Its place in the run. */
  readonly first: number;
  readonly explanation: Difference | undefined;
};

/** How many payments of one kind there were, and how they were judged. */
export type Tally = { payments: number; valid: number; refused: number };

export type Comparison = {
  readonly payments: number;
  /** By the kind of payment; `valid` to both, and `refused` with the same word. */
  readonly scenes: ReadonlyMap<string, Tally>;
  /** Both say the same word, by that word. */
  readonly agreed: ReadonlyMap<string, number>;
  readonly differences: readonly DifferenceClass[];
  /** Answers of ours that are no verdict: there must be none. */
  readonly faults: readonly string[];
};

const atOnce = 32;
const conjunction = ' and ';

/** Has both judge every payment. */
export async function compare(
  payments: Iterable<Made>,
  { ours, theirs }: Judges,
  onProgress: (done: number) => void = () => undefined,
): Promise<Comparison> {
  const scenes = new Map<string, Tally>();
  const agreed = new Map<string, number>();
  const differences = new Map<string, DifferenceClass>();
  const faults: string[] = [];
  let count = 0;
  const note = (
    place: number,
    { scene, kinds }: Pick<Made, 'scene' | 'kinds'>,
    [our, their]: readonly [string, string],
  ): void => {
    const example = exampleOf(scene, kinds);
    const tally = scenes.get(scene.name) ?? { payments: 0, valid: 0, refused: 0 };
    scenes.set(scene.name, tally);
    tally.payments += 1;
    if (our.startsWith('HTTP')) faults.push(`payment ${place} (${example}): ${our}`);
    if (our === their) {
      tally[our === 'valid' ? 'valid' : 'refused'] += 1;
      agreed.set(our, (agreed.get(our) ?? 0) + 1);
      return;
    }
    const explanation = explanationOf({ scene: scene.name, kinds }, { theirs: their, ours: our });
    const key = `${explanation?.title} ${their} → ${our}`;
    const known = differences.get(key);
    if (known !== undefined) {
      known.count += 1;
      if (known.example.includes(conjunction) && kinds.length === 1) known.example = example;
      return;
    }
    differences.set(key, {
      theirs: their,
      ours: our,
      count: 1,
      example,
      first: place,
      explanation,
    });
  };
  let together: { readonly place: number; readonly made: Made }[] = [];
  const judgeTogether = async (): Promise<void> => {
    const judged = await Promise.all(
      together.map(async ({ made: { body } }) => Promise.all([ours(body), theirs(body)])),
    );
    together.forEach(({ place, made }, index) => {
      const verdicts = judged[index];
      if (verdicts !== undefined) note(place, made, verdicts);
    });
    together = [];
    onProgress(count);
  };
  for (const made of payments) {
    together.push({ place: count, made });
    count += 1;
    if (together.length === atOnce) await judgeTogether();
  }
  await judgeTogether();
  return { payments: count, scenes, agreed, differences: [...differences.values()], faults };
}

function exampleOf({ name }: Scene, kinds: readonly string[]): string {
  return `${name}: ${kinds.join(conjunction)}`;
}
