import type { Figures } from '../../figures.js';
import type { Transport } from '../../transport.js';
import { automineFigures } from './automine.js';
import type { CpuTimes } from './cpu-time.js';
import { present } from './figures.js';
import { freshStart, type Installation, onInstallation } from './installation.js';
import type { Plan } from './plan.js';
import { climbStep, fill, offered300, queuesEmpty, type Scene, type Step } from './rounds.js';
import { rpcFigures } from './rpc-round.js';
import type { Side } from './side.js';

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

/** All rounds over one transport. */
export async function measure(options: MeasureOptions): Promise<Measured> {
  const { transport, plan, held } = options;
  console.log(`Over ${transport.kind}:`);
  const automined = await automineFigures(options);
  const inBlocks = hasBlocks(plan)
    ? await onInstallation(options, async (installation) => blocksFigures(installation, options))
    : { figures: {}, held };
  const rpc = plan.rounds.has('rpc') ? await rpcFigures(transport, plan) : {};
  return { figures: { ...automined, ...inBlocks.figures, ...rpc }, held: inBlocks.held };
}

const hasBlocks = ({ rounds }: Plan): boolean =>
  rounds.has('blocks') || rounds.has('fill') || rounds.has('offered');

async function blocksFigures(
  { scene, ours, reference }: Installation,
  options: MeasureOptions,
): Promise<Measured> {
  const { rounds } = options.plan;
  await scene.observer.mine('blocks');
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
