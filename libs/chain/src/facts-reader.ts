import {
  type EvmFacts,
  type EvmPayment,
  settlementCallOf,
  signatureKindOf,
  type Simulation,
} from '@quittance/exact-evm';
import { type Address, type Hex, toHex } from 'viem';

import { bulkBytes, bulkBytesMax, decodeBulk, encodeBulk } from './bulk.js';
import { callAtBlock } from './call-at-block.js';
import { ChainUnavailableError } from './chain-error.js';
import { ExpiringCache } from './expiring-cache.js';
import {
  type Call,
  type CallResult,
  decodeAggregate3,
  encodeAggregate3,
  multicall3Address,
} from './multicall.js';
import {
  type AskedPayment,
  type FactPlan,
  isTried,
  isTriedApart,
  type PinnedPayment,
  planFacts,
  type ReadFacts,
  type TokenMetadata,
} from './payment-facts.js';
import { readRevert } from './revert.js';
import { describeRpcError, isOverload, revertOf } from './rpc-error.js';
import type { RpcPool } from './rpc-pool.js';
import { settlementGasMax, stepsOf } from './settlement-call.js';
import type { SignersAhead } from './signer-thread.js';

/** Their transfers fit into what nodes let a call use. */
const paymentsMax = 48;
const waitingMax = 10_000;
/**
 * What is asked for while a reading is under way waits for its end, but not longer than this: a node that is far away, or
 * stalls, is asked anew meanwhile.
 */
const gatherMaxMs = 5;
/** Readings under way at once; a node that has so many to answer is not given more to do. */
const readingsMax = 16;
/** And when it has, what waits must not wait for the time-outs of all before it. */
const patienceMs = 250;
/** What one call may use of the gas that the payments of a reading share; one that needs more is read by itself. */
const sharedGasEach = 1_500_000;
/**
 * The same for a payment that is read by itself: as much as its settlement may use, or a good verdict would be one that
 * cannot be kept. A tenth is left for what a transaction costs before its call, and to how far nodes estimate too high.
 */
const gasEachAlone = Number((settlementGasMax * 9n) / 10n);
/** Contracts do not come and go; an upgrade may rename a token. */
const contractCache = { sizeMax: 1_000, lifetimeMs: 15 * 60 * 1_000 };
const walletCache = { sizeMax: 10_000, lifetimeMs: 15 * 60 * 1_000 };
/** What is remembered is asked anew, at most so often, when it may be why a payment fails. */
const doubtAgeMs = 60 * 1_000;

type Reading = EvmFacts | ChainUnavailableError;

type Waiting = {
  readonly payment: EvmPayment;
  readonly resolve: (facts: EvmFacts) => void;
  readonly reject: (fault: unknown) => void;
};

export type FactsReaderOptions = {
  readonly rpc: RpcPool;
  /** Factories that may deploy a payer's wallet. */
  readonly factories: readonly Address[];
  /** What is done for payments while the node is at work. */
  readonly signers?: SignersAhead;
};

/**
 * Reads the facts of payments in bulk: what is asked for while a reading is under way is read together after it, in
 * one call. What comes out is what each payment read by itself would give.
 */
export class FactsReader {
  readonly #rpc: RpcPool;
  readonly #factories: readonly Address[];
  readonly #signers: SignersAhead | undefined;
  readonly #metadata = new ExpiringCache<TokenMetadata>(contractCache);
  /** Payers that had code when they were seen last. */
  readonly #wallets = new ExpiringCache<true>(walletCache);
  readonly #waiting: Waiting[] = [];
  readonly #readings = new Set<Promise<void>>();
  #isDraining = false;

  constructor({ rpc, factories, signers }: FactsReaderOptions) {
    this.#rpc = rpc;
    this.#factories = factories;
    this.#signers = signers;
  }

  /** @throws ChainUnavailableError */
  async read(payment: EvmPayment): Promise<EvmFacts> {
    if (this.#waiting.length >= waitingMax) throw this.#rpc.fault('is asked for more facts than it gives');
    return new Promise((resolve, reject) => {
      this.#waiting.push({ payment, resolve, reject });
      if (this.#isDraining) return;
      this.#isDraining = true;
      setImmediate(() => void this.#drain());
    });
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const reading = this.#readNext(this.#waiting.splice(0, paymentsMax));
      this.#readings.add(reading);
      void reading.then(() => this.#readings.delete(reading));
      if (this.#readings.size < readingsMax) await settledOrPassed([reading], gatherMaxMs);
      else await settledOrPassed([...this.#readings], patienceMs);
    }
    this.#isDraining = false;
  }

  /** Never throws. */
  async #readNext(batch: readonly Waiting[]): Promise<void> {
    try {
      const readings = await this.#readTogether(batch.map(({ payment }) => this.#askedOf(payment)));
      batch.forEach(({ resolve, reject }, index) => {
        const reading = readings[index];
        if (reading === undefined || reading instanceof ChainUnavailableError) reject(reading);
        else resolve(reading);
      });
    } catch (fault) {
      for (const { reject } of batch) reject(fault);
    }
  }

  /** An account's signature says nothing of whether it has code; any other can only be a wallet's. */
  #askedOf(payment: EvmPayment): AskedPayment {
    const asksWallet =
      signatureKindOf(payment.signature).kind !== 'ecdsa' || this.#wallets.get(payment.payer) === true;
    return { payment, asksWallet };
  }

  async #readTogether(asked: readonly AskedPayment[]): Promise<readonly Reading[]> {
    const plan = planFacts(asked, { known: this.#knownOf(asked), factories: this.#factories });
    const { questions } = plan;
    const isAlone = asked.length === 1;
    if (!isAlone && bulkBytes(questions) > bulkBytesMax) return this.#readInHalves(asked);
    const call = { data: encodeBulk(questions, isAlone ? gasEachAlone : sharedGasEach) };
    const asking = this.#rpc.ask('eth_call', call, 'latest');
    const signersKnown = this.#signers?.ahead(asked.map(({ payment }) => payment));
    const answer = await asking;
    if (!answer.ok) {
      if (!isAlone && !isOverload(answer.error)) return this.#readAlone(asked);
      throw this.#rpc.fault(`refused eth_call: ${describeRpcError(answer.error)}`);
    }
    const { facts, metadata } = this.#factsIn(answer.result, plan);
    this.#remember(metadata);
    await signersKnown;
    const readings = facts.map(async (read, index) =>
      this.#tried((asked[index] as AskedPayment).payment, read),
    );
    return this.#readAgain(asked, await Promise.all(readings));
  }

  #knownOf(asked: readonly AskedPayment[]): ReadonlyMap<Address, TokenMetadata> {
    const known = new Map<Address, TokenMetadata>();
    for (const asset of new Set(asked.map(({ payment }) => payment.asset))) {
      const metadata = this.#metadata.get(asset);
      if (metadata !== undefined) known.set(asset, metadata);
    }
    return known;
  }

  #factsIn(result: unknown, { questions, read }: FactPlan): ReadFacts {
    const answer = typeof result === 'string' ? decodeBulk(result as Hex, questions) : undefined;
    if (answer === undefined) throw this.#rpc.fault('gave an answer to eth_call that is not one');
    const facts = read(answer);
    if (facts !== undefined) return facts;
    throw this.#rpc.fault(`knows no Multicall3 at ${multicall3Address}, which is needed`);
  }

  async #readInHalves(asked: readonly AskedPayment[]): Promise<readonly Reading[]> {
    const middle = Math.ceil(asked.length / 2);
    const halves = [asked.slice(0, middle), asked.slice(middle)];
    return (await Promise.all(halves.map(async (half) => this.#readTogether(half)))).flat();
  }

  async #readAlone(asked: readonly AskedPayment[]): Promise<Reading[]> {
    const readings = asked.map(async (one): Promise<readonly Reading[]> => {
      try {
        return await this.#readTogether([one]);
      } catch (fault) {
        if (fault instanceof ChainUnavailableError) return [fault];
        throw fault;
      }
    });
    return (await Promise.all(readings)).flat();
  }

  /** What the trials of all do not tell is asked for by itself, on the block that the other facts are of. */
  async #tried(payment: EvmPayment, facts: EvmFacts): Promise<EvmFacts> {
    if (isTriedApart(payment)) return this.#triedApart(payment, facts);
    const steps = stepsOf(payment, this.#factories);
    const isUnexplained = steps.length > 1 && isTried(payment) && !facts.simulation.ok;
    return isUnexplained && !facts.payerHasCode ? this.#explained(steps, facts) : facts;
  }

  /** A settlement that one account alone may send is tried as sent by it. */
  async #triedApart(payment: PinnedPayment, facts: EvmFacts): Promise<EvmFacts> {
    const call = { ...settlementCallOf(payment), from: payment.facilitator, gas: toHex(gasEachAlone) };
    const answer = await callAtBlock(this.#rpc, call, facts.blockNumber);
    const revert = answer.ok ? undefined : revertOf(answer.error);
    if (!answer.ok && revert === undefined)
      throw this.#rpc.fault(`refused eth_call: ${describeRpcError(answer.error)}`);
    const simulation: Simulation = revert === undefined ? { ok: true } : { ok: false, revert };
    return { ...facts, simulation };
  }

  /** That a wallet's deployment and its payment failed together says neither which of them did, nor why. */
  async #explained(steps: readonly Call[], facts: EvmFacts): Promise<EvmFacts> {
    const call = { to: multicall3Address, data: encodeAggregate3(steps) };
    const answer = await callAtBlock(this.#rpc, call, facts.blockNumber);
    if (!answer.ok) {
      if (revertOf(answer.error) !== undefined) return facts;
      throw this.#rpc.fault(`refused eth_call: ${describeRpcError(answer.error)}`);
    }
    const isText = typeof answer.result === 'string';
    const results = isText ? decodeAggregate3(answer.result as Hex, steps.length) : undefined;
    if (results === undefined) throw this.#rpc.fault('gave an answer to aggregate3 that is not one');
    const [deployment, payment] = results as [CallResult, CallResult];
    // With other gas it may have gone well. What was tried as it would be settled has the word.
    if (payment.ok) return facts;
    const simulation: Simulation = deployment.ok
      ? { ok: false, revert: readRevert(payment.data) }
      : { ok: false, revert: readRevert(deployment.data), failedAt: 'deployment' };
    return { ...facts, simulation };
  }

  /** Those that cannot be answered for yet are read once more, each by itself. */
  async #readAgain(asked: readonly AskedPayment[], facts: readonly EvmFacts[]): Promise<readonly Reading[]> {
    // What failed without a word may have needed more gas than its share, or found that of all used up.
    const isSpoilt =
      asked.length > 1 && facts.some((read, index) => isStarved(asked[index] as AskedPayment, read));
    const again = asked.map((one, index) => {
      const { payment, asksWallet } = one;
      const read = facts[index] as EvmFacts;
      if (read.payerHasCode) this.#wallets.set(payment.payer, true);
      else this.#wallets.forget(payment.payer);
      if (read.payerHasCode && !asksWallet) return { ...one, asksWallet: true };
      return (isSpoilt && hasFailed(one, read)) || this.#forgetDoubtful(payment, read) ? one : undefined;
    });
    const unanswered = again.filter((one) => one !== undefined);
    if (unanswered.length === 0) return facts;
    const readings = await this.#readAlone(unanswered);
    return facts.map((read, index) => (again[index] === undefined ? read : (readings.shift() ?? read)));
  }

  #remember(metadata: ReadonlyMap<Address, TokenMetadata>): void {
    for (const [asset, { name, version }] of metadata) {
      if (name !== null && version !== null) this.#metadata.set(asset, { name, version });
    }
  }

  /**
   * Forgets what was remembered of a payment's token where it may be why the payment fails: one that was upgraded and has
   * another name now, or is gone. Says whether there was such.
   */
  #forgetDoubtful(
    { asset, method }: EvmPayment,
    { authorizationUsed, balance, simulation }: EvmFacts,
  ): boolean {
    const isMute = authorizationUsed === null || balance === null;
    const isMisnamed = method === 'eip3009' && !simulation.ok && authorizationUsed === false;
    return (isMute || isMisnamed) && this.#metadata.forgetOlder(asset, doubtAgeMs);
  }
}

/** Whether something of it failed that may not have had the gas it needs. */
function hasFailed(
  { asksWallet }: AskedPayment,
  { simulation, payerHasCode, signatureAccepted }: EvmFacts,
): boolean {
  return !simulation.ok || (asksWallet && payerHasCode && signatureAccepted === null);
}

/** A contract that fails without a word may have run out of gas, or used up that of the calls after it. */
function isStarved({ asksWallet }: AskedPayment, facts: EvmFacts): boolean {
  const { assetHasCode, simulation, payerHasCode, signatureAccepted } = facts;
  const isTrialStarved = assetHasCode && !simulation.ok && simulation.revert === '';
  return isTrialStarved || (asksWallet && payerHasCode && signatureAccepted === null);
}

/** Resolves when one of them has ended, or the time has passed. */
async function settledOrPassed(works: readonly Promise<void>[], waitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const passed = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, waitMs);
  });
  await Promise.race([...works, passed]);
  clearTimeout(timer);
}
