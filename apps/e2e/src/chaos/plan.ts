import { SeededRandom } from '../random.js';

export type ServiceKind = 'facilitator' | 'settlement' | 'ledger';

/** Something that goes wrong on purpose. */
export type Mishap =
  /** `SIGKILL`, at no particular moment, and started again. */
  | { readonly kind: 'kill'; readonly service: ServiceKind; readonly index: number }
  /** The process kills itself at a named step, and is started again. */
  | { readonly kind: 'crash'; readonly point: string }
  /** A settlement replica stands still for longer than its leases last, and then goes on as if nothing had happened. */
  | { readonly kind: 'pause'; readonly index: number; readonly ms: number }
  /** What a service asks of the chain stalls, fails, or is answered with a lie. */
  | { readonly kind: 'rpc'; readonly fault: RpcFaultName; readonly ms: number }
  /** Transactions that wait in the node are lost. */
  | { readonly kind: 'drop' }
  /** The base fee jumps, and what was signed is too cheap. */
  | { readonly kind: 'base-fee'; readonly factor: number; readonly ms: number }
  | { readonly kind: 'reorg'; readonly depth: number }
  /** Events of the past are published again, in another order. */
  | { readonly kind: 'events-again' }
  /** Somebody else puts payments on chain before we do. */
  | { readonly kind: 'landed-by-others'; readonly payments: number };

export const rpcFaultNames = [
  'stall',
  'drop-connection',
  'http-500',
  'rpc-error',
  'stale-nonce',
  'missing-receipt',
  'missing-logs',
  'lagging',
  'swallow',
] as const;

export type RpcFaultName = (typeof rpcFaultNames)[number];

export type PlanOptions = {
  readonly seed: number;
  /** Names of all steps at which a process can be made to kill itself. */
  readonly crashPoints: readonly string[];
  /** Rounds of everything; between two rounds the installation goes on as it is. */
  readonly rounds: number;
  readonly settlements: number;
  /** `SIGKILL`s at no particular moment, in each round. */
  readonly killsPerRound: number;
};

/** Depths of reorganizations: every power of two, and the deepest that must be survived. */
export const reorgDepths = [1, 2, 3, 5, 8, 13, 20] as const;
const pauseMs = 14_000;
const rpcFaultMs = 3_000;

/** What goes wrong, in which order: each kind of mishap and each crash point in every round, shuffled by the seed. */
export function chaosPlan({ seed, crashPoints, rounds, settlements, killsPerRound }: PlanOptions): Mishap[] {
  const random = new SeededRandom(seed);
  const services: readonly ServiceKind[] = ['facilitator', 'settlement', 'ledger'];
  const round = (): Mishap[] => [
    ...crashPoints.map((point): Mishap => ({ kind: 'crash', point })),
    ...Array.from({ length: killsPerRound }, (_, n): Mishap => ({
      kind: 'kill',
      service: services[n % services.length] ?? 'settlement',
      index: random.below(settlements),
    })),
    ...rpcFaultNames.map((fault): Mishap => ({ kind: 'rpc', fault, ms: rpcFaultMs })),
    ...reorgDepths.map((depth): Mishap => ({ kind: 'reorg', depth })),
    { kind: 'reorg', depth: 1 + random.below(20) },
    { kind: 'pause', index: random.below(settlements), ms: pauseMs },
    { kind: 'drop' },
    { kind: 'base-fee', factor: 3, ms: 6_000 },
    { kind: 'events-again' },
    { kind: 'landed-by-others', payments: 4 },
  ];
  return Array.from({ length: rounds }, () => shuffled(round(), random)).flat();
}

function shuffled<T>(items: T[], random: SeededRandom): T[] {
  for (let last = items.length - 1; last > 0; last -= 1) {
    const other = random.below(last + 1);
    [items[last], items[other]] = [items[other] as T, items[last] as T];
  }
  return items;
}
