import type { Figures } from '../../figures.js';
import { startStack } from '../../stack.js';
import type { Transport } from '../../transport.js';
import { ChainObserver } from './chain-observer.js';
import type { Plan } from './plan.js';
import { PaymentPress } from './prepared-payments.js';
import { offer, type Scene, warmUp } from './rounds.js';
import { type RpcCounter, startRpcCounter } from './rpc-counter.js';
import { ourSide, referenceSide, type Side } from './side.js';

/** A rate that both sides hold. */
const ratePerS = 20;
const lastsS = 10;

/** RPC calls per payment of both sides, on an installation of their own: counting costs time. */
export async function rpcFigures(transport: Transport, { withReference }: Plan): Promise<Figures> {
  let counting: Promise<RpcCounter> | undefined;
  const stack = await startStack({
    transport,
    rpcUrlsFor: async ({ rpcUrl }) => {
      counting ??= startRpcCounter(rpcUrl);
      return [(await counting).url];
    },
  });
  const [chain] = stack.chains;
  const counter = await counting;
  if (chain === undefined || counter === undefined) throw new TypeError('a stack without a chain');
  const observer = new ChainObserver(chain);
  const press = await PaymentPress.start(chain);
  const scene: Scene = { stack, observer, press };
  await observer.prepare();
  await observer.mine('blocks');
  try {
    const ours = await rpcOf(scene, ourSide(stack), { counter, prefix: '' });
    for (const service of stack.services) await service.stop();
    if (!withReference) return ours;
    const reference = await referenceSide(chain, counter.url);
    await reference.start();
    const theirs = await rpcOf(scene, reference, { counter, prefix: 'reference_' });
    await reference.stop();
    return { ...ours, ...theirs };
  } finally {
    await press.stop();
    await stack.stop();
    counter.stop();
  }
}

async function rpcOf(
  scene: Scene,
  side: Side,
  { counter, prefix }: { readonly counter: RpcCounter; readonly prefix: string },
): Promise<Figures> {
  await warmUp(scene, side);
  const calls = counter.calls();
  const requests = counter.requests();
  await offer(scene, side, { ratePerS, lastsS });
  const perPayment = (count: number): number => Math.round((count / (ratePerS * lastsS)) * 100) / 100;
  return {
    [`${prefix}rpc_calls_per_payment`]: perPayment(counter.calls() - calls),
    [`${prefix}rpc_requests_per_payment`]: perPayment(counter.requests() - requests),
  };
}
