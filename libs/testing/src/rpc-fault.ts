import { type Hex, isHex, keccak256, toHex } from 'viem';

import type { RpcCall, RpcOutcome } from './json-rpc.js';
import { askAsOf, type AskNode, headOf, viewMethods } from './rpc-chain-view.js';

/** When a fault strikes: always, unless narrowed down. */
export type RpcFaultScope = {
  /** Left out: those that the fault is about, or all. */
  readonly methods?: readonly string[];
  /** Of each call, from 0 to 1; drawn from the proxy's `random`. */
  readonly probability?: number;
  /** It is over after so many calls. */
  readonly times?: number;
};

/** Whether the node gets a call whose answer is spoilt. Unless `forwarded` it never hears of it. */
type Forwarding = { readonly node?: 'forwarded' };

export type RpcFaultEffect =
  /** Holds the answer; the node gets the call at once. The longest of several counts. */
  | { readonly fault: 'stall'; readonly delayMs: number }
  /** Closes the socket without an answer. */
  | ({ readonly fault: 'drop' } & Forwarding)
  | ({ readonly fault: 'http'; readonly status: number } & Forwarding)
  | ({ readonly fault: 'rpcError'; readonly code: number; readonly message: string } & Forwarding)
  /** Lowers the number that is answered; `eth_getTransactionCount` unless other methods are given. */
  | { readonly fault: 'stale'; readonly by: number }
  /** `eth_getTransactionReceipt` is answered null. */
  | { readonly fault: 'missingReceipt' }
  /** `eth_getLogs` is answered empty. */
  | { readonly fault: 'missingLogs' }
  /** A node that is so many blocks behind. */
  | { readonly fault: 'lagging'; readonly blocks: number }
  /** A node that stays at a block: the given one, or the newest when the first call meets the fault. */
  | { readonly fault: 'frozen'; readonly block?: bigint }
  /** `eth_sendRawTransaction` is answered with the hash, and the transaction thrown away. */
  | { readonly fault: 'swallow' }
  /** `eth_sendRawTransaction` reaches the node twice; the first answer counts. */
  | { readonly fault: 'duplicateSend' };

/** One thing that is wrong with a node. Plain data, so that a failed run can print what it did. */
export type RpcFault = RpcFaultScope & RpcFaultEffect;

export type RpcFaultName = RpcFaultEffect['fault'];

const delayMsMax = 2 ** 31 - 1;
const ownMethods: Partial<Record<RpcFaultName, readonly string[]>> = {
  stale: ['eth_getTransactionCount'],
  missingReceipt: ['eth_getTransactionReceipt'],
  missingLogs: ['eth_getLogs'],
  lagging: viewMethods,
  frozen: viewMethods,
  swallow: ['eth_sendRawTransaction'],
  duplicateSend: ['eth_sendRawTransaction'],
};

/** A fault as set, with what it remembers. */
export class ActiveFault {
  private strikes = 0;
  private frozenAt: Promise<bigint> | undefined;

  constructor(
    readonly fault: RpcFault,
    private readonly random: (() => number) | undefined,
  ) {
    const { probability, times = 1 } = fault;
    if (probability !== undefined && random === undefined) {
      throw new TypeError('A fault with a probability needs the proxy to have a `random`.');
    }
    const inRange =
      (probability === undefined || (probability >= 0 && probability <= 1)) &&
      times >= 1 &&
      figureInRange(fault);
    if (!inRange) throw new RangeError(`Not a fault: ${fault.fault} with a figure out of range.`);
  }

  /** Whether this call is struck. Asked once a call: it draws, and counts. */
  strikesAt({ method }: RpcCall): boolean {
    const { methods = ownMethods[this.fault.fault], probability, times } = this.fault;
    if (methods !== undefined && !methods.includes(method)) return false;
    if (times !== undefined && this.strikes >= times) return false;
    if (probability !== undefined && this.random !== undefined && this.random() >= probability) return false;
    this.strikes += 1;
    return true;
  }

  /** The newest block that a node with this fault knows. */
  async head(ask: AskNode): Promise<bigint | undefined> {
    const { fault } = this;
    if (fault.fault === 'lagging') {
      const head = (await headOf(ask)) - BigInt(fault.blocks);
      return head > 0n ? head : 0n;
    }
    if (fault.fault !== 'frozen') return undefined;
    if (fault.block !== undefined) return fault.block;
    this.frozenAt ??= headOf(ask).catch((error: unknown) => {
      this.frozenAt = undefined;
      throw error;
    });
    return this.frozenAt;
  }
}

/** Answers one call with what is wrong with the answer itself; `stall`, `drop` and `http` are the connection's. */
export async function spoiltOutcome(
  call: RpcCall,
  struck: readonly ActiveFault[],
  ask: AskNode,
): Promise<RpcOutcome> {
  const faults = struck.map(({ fault }) => fault);
  const failing = faults.find((fault) => fault.fault === 'rpcError');
  const error = failing && { error: { code: failing.code, message: failing.message } };
  if (error !== undefined && failing?.node !== 'forwarded') return error;
  const [raw] = call.params;
  if (faults.some(({ fault }) => fault === 'swallow') && isHex(raw)) return { result: keccak256(raw) };
  const outcome = await viewedOutcome(call, struck, ask);
  if (faults.some(({ fault }) => fault === 'duplicateSend')) await ask(call.method, call.params);
  if (error !== undefined || !('result' in outcome)) return error ?? outcome;
  return faults.reduce<RpcOutcome>(lied, outcome);
}

async function viewedOutcome(
  call: RpcCall,
  struck: readonly ActiveFault[],
  ask: AskNode,
): Promise<RpcOutcome> {
  const heads = await Promise.all(struck.map(async (fault) => fault.head(ask)));
  const head = heads
    .filter((known) => known !== undefined)
    .reduce<bigint | undefined>((low, known) => (low === undefined || known < low ? known : low), undefined);
  return head === undefined ? ask(call.method, call.params) : askAsOf(call, head, ask);
}

function lied(outcome: RpcOutcome, fault: RpcFault): RpcOutcome {
  if (!('result' in outcome)) return outcome;
  if (fault.fault === 'missingReceipt') return { result: null };
  if (fault.fault === 'missingLogs') return { result: [] };
  if (fault.fault !== 'stale' || !isHex(outcome.result)) return outcome;
  return { result: lowered(outcome.result, BigInt(fault.by)) };
}

function lowered(quantity: Hex, by: bigint): Hex {
  const value = BigInt(quantity);
  return toHex(value > by ? value - by : 0n);
}

function figureInRange(fault: RpcFault): boolean {
  if (fault.fault === 'stall') return fault.delayMs >= 0 && fault.delayMs <= delayMsMax;
  if (fault.fault === 'http') return fault.status >= 200 && fault.status <= 599;
  if (fault.fault === 'stale') return Number.isInteger(fault.by) && fault.by >= 0;
  if (fault.fault === 'lagging') return Number.isInteger(fault.blocks) && fault.blocks >= 0;
  return true;
}
