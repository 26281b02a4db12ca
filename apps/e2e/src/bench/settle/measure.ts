import { type Figures, quantile } from '../../figures.js';
import { startStack } from '../../stack.js';
import type { Transport } from '../../transport.js';
import { ChainObserver } from './chain-observer.js';
import type { CpuTimes } from './cpu-time.js';
import type { Plan } from './plan.js';
import { PaymentPress } from './prepared-payments.js';
import {
  climbStep,
  crowd,
  fill,
  offered300,
  queuesEmpty,
  type Scene,
  single,
  type Step,
  warmUp,
} from './rounds.js';
import { rpcFigures } from './rpc-round.js';
import { ourSide, referenceSide, type Side } from './side.js';

/** The rates that an earlier half of the run held, where the next half begins. */
export type HeldRates = { readonly [Name in Side['name']]?: number };

export type MeasureOptions = {
  readonly transport: Transport;
  readonly plan: Plan;
  readonly held: HeldRates;
};

const ratesPerS = [
  10, 20, 30, 40, 60, 80, 100, 120, 160, 200, 250, 300, 350, 400, 450, 500, 600, 700, 800, 1000,
];

/** The reference holds this on any machine that the rest runs on; where not, the climb goes down. */
const referenceFromPerS = 40;

type Measured = { readonly figures: Figures; readonly held: HeldRates };
type Sides = readonly [Side | undefined, Side];

/** All rounds over one transport: one chain, one database. */
export async function measure({ transport, plan, held }: MeasureOptions): Promise<Measured> {
  console.log(`Over ${transport.kind}:`);
  const stack = await startStack({ transport: { ...transport, env: profiled(transport, plan) } });
  const [chain] = stack.chains;
  if (chain === undefined) throw new TypeError('a stack without a chain');
  const observer = new ChainObserver(chain);
  await observer.prepare();
  const press = await PaymentPress.start(chain);
  const scene: Scene = { stack, observer, press };
  const ours = ourSide(stack);
  const sides: Sides = [plan.withReference ? await referenceSide(chain) : undefined, ours];
  let measured: Measured = { figures: {}, held };
  try {
    await ours.stop();
    const automined = await automineFigures(scene, sides, plan);
    const inBlocks = await blocksFigures(scene, sides, { transport, plan, held });
    measured = { figures: { ...automined, ...inBlocks.figures }, held: inBlocks.held };
  } finally {
    for (const side of sides) await side?.stop();
    await press.stop();
    await stack.stop();
  }
  const rpc = plan.rounds.has('rpc') ? await rpcFigures(transport, plan) : {};
  return { ...measured, figures: { ...measured.figures, ...rpc } };
}

function profiled({ env }: Transport, { profileFolder }: Plan): Transport['env'] {
  if (profileFolder === undefined) return env;
  return { ...env, NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profileFolder}` };
}

async function automineFigures(
  scene: Scene,
  [reference, ours]: Sides,
  { rounds, turns }: Plan,
): Promise<Figures> {
  if (!rounds.has('single') && !rounds.has('automine')) return {};
  await scene.observer.mine('automine');
  const turn = async (side: Side): Promise<AutomineTurn> => {
    await freshStart(scene, side);
    const tookMs = rounds.has('single') ? await single(scene, side) : Number.NaN;
    const perS = rounds.has('automine') ? await crowd(scene, side) : Number.NaN;
    await side.stop();
    return { tookMs, perS };
  };
  const ofTheirs: AutomineTurn[] = [];
  const ofOurs: AutomineTurn[] = [];
  for (let index = 0; index < turns; index += 1) {
    if (reference !== undefined) ofTheirs.push(await scene.observer.undoing(async () => turn(reference)));
    ofOurs.push(await turn(ours));
  }
  const our = medianTurn(ofOurs);
  const theirs = reference && medianTurn(ofTheirs);
  return present({
    single_median_ms: our.tookMs,
    reference_single_median_ms: theirs?.tookMs,
    single_median_delta_ms: theirs === undefined ? undefined : our.tookMs - theirs.tookMs,
    automine_c16_per_s: our.perS,
    reference_automine_c16_per_s: theirs?.perS,
    automine_c16_ratio: theirs === undefined ? undefined : our.perS / theirs.perS,
  });
}

type AutomineTurn = { readonly tookMs: number; readonly perS: number };

function medianTurn(turns: readonly AutomineTurn[]): AutomineTurn {
  return {
    tookMs: quantile(
      turns.map(({ tookMs }) => tookMs),
      0.5,
    ),
    perS: quantile(
      turns.map(({ perS }) => perS),
      0.5,
    ),
  };
}

async function blocksFigures(scene: Scene, sides: Sides, options: MeasureOptions): Promise<Measured> {
  const { rounds } = options.plan;
  if (!rounds.has('blocks') && !rounds.has('fill') && !rounds.has('offered'))
    return { figures: {}, held: options.held };
  await scene.observer.mine('blocks');
  const [reference, ours] = sides;
  const theirs = await referenceClimb(scene, reference, options);
  await freshStart(scene, ours);
  const our = rounds.has('blocks') ? await climb(scene, ours, oursFromPerS(options, theirs)) : undefined;
  const crowded = await crowdedFigures(scene, ours, options.plan);
  await ours.stop();
  return {
    figures: present({ ...(our === undefined ? {} : climbFigures(our, theirs)), ...crowded }),
    held: {
      ...(our === undefined ? {} : { ours: our.ratePerS }),
      ...(theirs === undefined ? {} : { reference: theirs.ratePerS }),
    },
  };
}

async function referenceClimb(
  scene: Scene,
  reference: Side | undefined,
  { plan, held }: MeasureOptions,
): Promise<Step | undefined> {
  if (reference === undefined || !plan.rounds.has('blocks')) return undefined;
  await freshStart(scene, reference);
  const best = await climb(scene, reference, held.reference ?? referenceFromPerS);
  await reference.stop();
  return best;
}

function oursFromPerS({ plan, held }: MeasureOptions, theirs: Step | undefined): number {
  return plan.oursFrom ?? held.ours ?? 2 * (theirs?.ratePerS ?? 0);
}

/** The rounds that only ours is asked for. */
async function crowdedFigures(
  scene: Scene,
  ours: Side,
  { rounds }: Plan,
): Promise<Record<string, number | undefined>> {
  await queuesEmpty(scene.stack);
  const filled = rounds.has('fill') ? await fill(scene, ours) : undefined;
  await queuesEmpty(scene.stack);
  const offered = rounds.has('offered') ? await offered300(scene, ours) : undefined;
  return {
    blocks_c256_fill: filled?.average,
    blocks_c256_fill_least: filled?.least,
    offered300_p95_ms: offered?.p95Ms,
    offered300_unconfirmed: offered?.unconfirmed,
    offered300_left_after_5s: offered?.leftAfter5s,
  };
}

async function freshStart(scene: Scene, side: Side): Promise<void> {
  await side.start();
  await warmUp(scene, side);
}

/** Finds the highest step that is held: upwards from the first, or downwards where that one is not. */
async function climb(scene: Scene, side: Side, fromPerS: number): Promise<Step> {
  const first = Math.max(
    0,
    ratesPerS.findIndex((rate) => rate >= fromPerS),
  );
  const attempt = async (index: number): Promise<Step> => {
    const step = await climbStep(scene, side, ratesPerS[index] ?? 0);
    if (!step.held) await recover(scene, side);
    return step;
  };
  let best = await attempt(first);
  for (let index = first - 1; index >= 0 && !best.held; index -= 1) best = await attempt(index);
  if (best.ratePerS !== ratesPerS[first]) return best;
  for (let index = first + 1; index < ratesPerS.length; index += 1) {
    const step = await attempt(index);
    if (!step.held) break;
    best = step;
  }
  return best;
}

/** After a step too high: the backlog is gone and what it may have broken is started anew. */
async function recover(scene: Scene, side: Side): Promise<void> {
  if (side.name === 'ours') {
    await queuesEmpty(scene.stack);
    return;
  }
  await side.stop();
  await scene.observer.drained();
  await freshStart(scene, side);
}

function climbFigures(our: Step, theirs: Step | undefined): Record<string, number | undefined> {
  const heldPerS = (step: Step): number => (step.held ? step.ratePerS : 0);
  const services = (cpu: CpuTimes): number =>
    (cpu['facilitator'] ?? 0) + (cpu['settlement'] ?? 0) + (cpu['ledger'] ?? 0);
  return {
    blocks_sustained_per_s: heldPerS(our),
    reference_blocks_sustained_per_s: theirs === undefined ? undefined : heldPerS(theirs),
    blocks_sustained_ratio: theirs === undefined ? undefined : heldPerS(our) / heldPerS(theirs),
    blocks_sustained_p95_ms: our.p95Ms,
    payments_per_transaction: our.perTransaction,
    gas_per_payment: our.gasPerPayment,
    gas_ratio: theirs === undefined ? undefined : our.gasPerPayment / theirs.gasPerPayment,
    cpu_s_per_payment: services(our.cpu),
    postgres_cpu_s_per_payment: our.cpu['postgres'],
    anvil_cpu_s_per_payment: our.cpu['anvil'],
    reference_cpu_s_per_payment: theirs?.cpu['reference'],
    reference_anvil_cpu_s_per_payment: theirs?.cpu['anvil'],
  };
}

const digitsKept = 4;
/** Stands for a time or a ratio without end, which JSON cannot say: somebody was never answered. */
const endless = 999_999;

/** Figures that were measured, to four places. */
function present(figures: Readonly<Record<string, number | undefined>>): Figures {
  const kept = 10 ** digitsKept;
  return Object.fromEntries(
    Object.entries(figures).flatMap(([name, value]) =>
      value === undefined || Number.isNaN(value)
        ? []
        : [[name, Math.round(Math.min(value, endless) * kept) / kept]],
    ),
  );
}
