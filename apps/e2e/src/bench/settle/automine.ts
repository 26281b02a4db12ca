import { type Figures, quantile } from '../../figures.js';
import { present } from './figures.js';
import { freshStart, type Installation, onInstallation } from './installation.js';
import type { MeasureOptions } from './measure.js';
import { crowd, type Scene, single } from './rounds.js';
import type { Side } from './side.js';

type Turn = { readonly tookMs: number; readonly perS: number };

/**
 * Blocks mined at once, both sides in turns. Each turn has a chain of its own, on which both sides have theirs: the dev node
 * hashes its whole state for each block, and whoever settles one payment a block would be slower with every turn before it.
 */
export async function automineFigures({ transport, plan }: MeasureOptions): Promise<Figures> {
  if (!plan.rounds.has('single') && !plan.rounds.has('automine')) return {};
  const ofOurs: Turn[] = [];
  const ofTheirs: Turn[] = [];
  for (let index = 0; index < plan.turns; index += 1) {
    await onInstallation({ transport, plan }, async ({ scene, ours, reference }: Installation) => {
      await scene.observer.mine('automine');
      if (reference !== undefined)
        ofTheirs.push(await scene.observer.undoing(async () => turnOf(scene, reference, plan)));
      ofOurs.push(await turnOf(scene, ours, plan));
    });
  }
  const our = medianOf(ofOurs);
  const theirs = ofTheirs.length === 0 ? undefined : medianOf(ofTheirs);
  return present({
    single_median_ms: our.tookMs,
    reference_single_median_ms: theirs?.tookMs,
    single_median_delta_ms: theirs === undefined ? undefined : our.tookMs - theirs.tookMs,
    automine_c16_per_s: our.perS,
    reference_automine_c16_per_s: theirs?.perS,
    automine_c16_ratio: theirs === undefined ? undefined : our.perS / theirs.perS,
  });
}

async function turnOf(scene: Scene, side: Side, { rounds }: MeasureOptions['plan']): Promise<Turn> {
  await freshStart(scene, side);
  const tookMs = rounds.has('single') ? await single(scene, side) : Number.NaN;
  const perS = rounds.has('automine') ? await crowd(scene, side) : Number.NaN;
  await side.stop();
  return { tookMs, perS };
}

const medianOf = (turns: readonly Turn[]): Turn => ({
  tookMs: quantile(
    turns.map(({ tookMs }) => tookMs),
    0.5,
  ),
  perS: quantile(
    turns.map(({ perS }) => perS),
    0.5,
  ),
});
