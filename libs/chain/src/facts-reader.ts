import type { ExactEvmFacts, ExactEvmPayment } from '@quittance/exact-evm';
import type { Address } from 'viem';

import { bytesSchema } from './answer.js';
import { ChainUnavailableError } from './chain-error.js';
import { ExpiringCache } from './expiring-cache.js';
import { decodeAggregate3, encodeAggregate3, multicall3Address } from './multicall.js';
import { factCalls, groupsOf, readFacts, type TokenMetadata } from './payment-facts.js';
import { describeRpcError, isOverload } from './rpc-error.js';
import type { RpcPool } from './rpc-pool.js';

/** With the payers' codes they fit into one request, mostly; and their transfers into what nodes let a call use. */
const paymentsMax = 48;
const waitingMax = 10_000;
/** A node that takes longer is asked anew meanwhile: what waits must not wait for the time-outs of all before it. */
const gatherMaxMs = 250;
/** Contracts do not come and go; an upgrade may rename a token. */
const contractCache = { sizeMax: 1_000, lifetimeMs: 15 * 60 * 1_000 };

type Reading = ExactEvmFacts | ChainUnavailableError;
type CodeReader = (address: Address) => Promise<boolean>;

type Waiting = {
  readonly payment: ExactEvmPayment;
  readonly resolve: (facts: ExactEvmFacts) => void;
  readonly reject: (fault: unknown) => void;
};

/**
 * Reads the facts of payments in bulk: what is asked for while a reading is under way is read together after it, in
 * one request. What comes out is what each payment read by itself would give.
 */
export class FactsReader {
  readonly #rpc: RpcPool;
  readonly #contracts = new ExpiringCache<true>(contractCache);
  readonly #metadata = new ExpiringCache<TokenMetadata>(contractCache);
  readonly #waiting: Waiting[] = [];
  #isReading = false;

  constructor(rpc: RpcPool) {
    this.#rpc = rpc;
  }

  /** @throws ChainUnavailableError */
  async read(payment: ExactEvmPayment): Promise<ExactEvmFacts> {
    if (this.#waiting.length >= waitingMax) throw this.#rpc.fault('is asked for more facts than it gives');
    return new Promise((resolve, reject) => {
      this.#waiting.push({ payment, resolve, reject });
      if (this.#isReading) return;
      this.#isReading = true;
      setImmediate(() => void this.#drain());
    });
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      await settledOrPassed(this.#readNext(this.#waiting.splice(0, paymentsMax)), gatherMaxMs);
    }
    this.#isReading = false;
  }

  async #readNext(batch: readonly Waiting[]): Promise<void> {
    const hasCode = this.#codeReader();
    await Promise.all(
      groupsOf(batch).map(async (group) => {
        const payments = group.map(({ payment }) => payment);
        try {
          const facts = await this.#readGroup(payments, hasCode);
          group.forEach(({ resolve, reject }, index) => {
            const reading = facts[index];
            if (reading === undefined || reading instanceof ChainUnavailableError) reject(reading);
            else resolve(reading);
          });
        } catch (fault) {
          for (const { reject } of group) reject(fault);
        }
      }),
    );
  }

  async #readGroup(payments: readonly ExactEvmPayment[], hasCode: CodeReader): Promise<readonly Reading[]> {
    const assets = [...new Set(payments.map(({ asset }) => asset))];
    const known = new Map<Address, TokenMetadata>();
    for (const asset of assets) {
      const metadata = this.#metadata.get(asset);
      if (metadata !== undefined) known.set(asset, metadata);
    }
    const unknownAssets = assets.filter((asset) => !known.has(asset));
    const calls = factCalls(payments, unknownAssets);
    const call = { to: multicall3Address, data: encodeAggregate3(calls) };
    const [answer, payersCode, assetsCode] = await Promise.all([
      this.#rpc.ask('eth_call', call, 'latest'),
      Promise.all(payments.map(({ payer }) => hasCode(payer))),
      this.#assetsCode(assets, hasCode),
    ]);
    if (!answer.ok) {
      if (payments.length > 1 && !isOverload(answer.error)) return this.#readAlone(payments);
      throw this.#rpc.fault(`refused eth_call: ${describeRpcError(answer.error)}`);
    }
    const bytes = this.#rpc.read(bytesSchema, 'eth_call', answer.result);
    const results = decodeAggregate3(bytes, calls.length);
    const read = results && readFacts(results, { payments, unknownAssets, known });
    if (read === undefined) throw this.#noFacts(bytes);
    this.#remember(read.metadata);
    const facts = read.facts.map((called, index) => ({
      ...called,
      payerHasCode: payersCode[index] as boolean,
      assetHasCode: assetsCode.get(payments[index]?.asset as Address) as boolean,
    }));
    return payments.length > 1 && facts.some(isStarved) ? this.#withoutNeighbours(payments, facts) : facts;
  }

  async #readAlone(payments: readonly ExactEvmPayment[]): Promise<Reading[]> {
    const hasCode = this.#codeReader();
    const readings = payments.map(async (payment): Promise<readonly Reading[]> => {
      try {
        return await this.#readGroup([payment], hasCode);
      } catch (fault) {
        if (fault instanceof ChainUnavailableError) return [fault];
        throw fault;
      }
    });
    return (await Promise.all(readings)).flat();
  }

  /** What failed beside a call that may have used up the gas of all is read again, by itself. */
  async #withoutNeighbours(
    payments: readonly ExactEvmPayment[],
    facts: readonly ExactEvmFacts[],
  ): Promise<readonly Reading[]> {
    const failed = payments.filter((_, index) => facts[index]?.simulation.ok === false);
    const again = new Map(failed.map((payment, index) => [payment, index]));
    const readings = await this.#readAlone(failed);
    return facts.map((one, index) => readings[again.get(payments[index] as ExactEvmPayment) ?? -1] ?? one);
  }

  async #assetsCode(assets: readonly Address[], hasCode: CodeReader): Promise<ReadonlyMap<Address, boolean>> {
    const entries = assets.map(async (asset): Promise<[Address, boolean]> => {
      const isContract = this.#contracts.get(asset) ?? (await hasCode(asset));
      if (isContract) this.#contracts.set(asset, true);
      return [asset, isContract];
    });
    return new Map(await Promise.all(entries));
  }

  /** Asks for each account's code once. */
  #codeReader(): CodeReader {
    const asked = new Map<Address, Promise<boolean>>();
    return async (address) => {
      const answer = asked.get(address) ?? this.#hasCode(address);
      asked.set(address, answer);
      return answer;
    };
  }

  async #hasCode(address: Address): Promise<boolean> {
    return (await this.#rpc.request(bytesSchema, 'eth_getCode', address, 'latest')) !== '0x';
  }

  #remember(metadata: ReadonlyMap<Address, TokenMetadata>): void {
    for (const [asset, { name, version }] of metadata) {
      if (name !== null && version !== null) this.#metadata.set(asset, { name, version });
    }
  }

  #noFacts(answer: string): ChainUnavailableError {
    return this.#rpc.fault(
      answer === '0x'
        ? `knows no Multicall3 at ${multicall3Address}, which is needed`
        : 'gave an answer to aggregate3 that is not one',
    );
  }
}

/** A contract that fails without a word may have run out of gas, or used up that of the calls after it. */
function isStarved({ assetHasCode, simulation }: ExactEvmFacts): boolean {
  return assetHasCode && !simulation.ok && simulation.revert === '';
}

async function settledOrPassed(work: Promise<void>, waitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const passed = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, waitMs);
  });
  await Promise.race([work, passed]);
  clearTimeout(timer);
}
