import { startStack } from '../../stack.js';
import type { Transport } from '../../transport.js';
import { ChainObserver } from './chain-observer.js';
import type { Plan } from './plan.js';
import { PaymentPress } from './prepared-payments.js';
import { type Scene, warmUp } from './rounds.js';
import { ourSide, referenceSide, type Side } from './side.js';

/** One chain and one database, and both sides on them, neither of which runs yet. */
export type Installation = {
  readonly scene: Scene;
  readonly ours: Side;
  readonly reference: Side | undefined;
};

/** An installation for as long as `work` takes. */
export async function onInstallation<Result>(
  { transport, plan }: { readonly transport: Transport; readonly plan: Plan },
  work: (installation: Installation) => Promise<Result>,
): Promise<Result> {
  const stack = await startStack({ transport: { ...transport, env: profiled(transport, plan) } });
  const [chain] = stack.chains;
  if (chain === undefined) throw new TypeError('a stack without a chain');
  const observer = new ChainObserver(chain);
  await observer.prepare();
  const press = await PaymentPress.start(chain);
  const ours = ourSide(stack);
  const reference = plan.withReference ? await referenceSide(chain) : undefined;
  try {
    await ours.stop();
    return await work({ scene: { stack, observer, press }, ours, reference });
  } finally {
    await reference?.stop();
    await ours.stop();
    await press.stop();
    await stack.stop();
  }
}

/** A side with hot code and open connections. */
export async function freshStart(scene: Scene, side: Side): Promise<void> {
  await side.start();
  await warmUp(scene, side);
}

function profiled({ env }: Transport, { profileFolder }: Plan): Transport['env'] {
  if (profileFolder === undefined) return env;
  return { ...env, NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profileFolder}` };
}
