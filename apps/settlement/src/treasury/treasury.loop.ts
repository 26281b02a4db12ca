import type { SettlementChain } from '../chain/settlement-chain.js';
import { type Log, WakeableLoop } from '../loop/wakeable.loop.js';
import type { Hex } from '../payment/payment.js';
import { forecast, type FundsLevel } from './forecast.js';
import type { SpendRepository } from './spend.repository.js';

/** What is known of a relayer's funds. */
export type RelayerFunds = {
  readonly relayer: Hex;
  /** This process has its key. */
  readonly isOwn: boolean;
  readonly balance: bigint;
  /** Tenths of an hour, null when nothing was spent lately. */
  readonly hoursLeftTenths: bigint | null;
  readonly level: FundsLevel;
};

export type TreasuryOptions = {
  readonly chain: Pick<SettlementChain, 'network' | 'balance'>;
  /** Keys that this process was given; those of accounts that the network does not list are left alone. */
  readonly relayers: readonly { readonly address: Hex }[];
  readonly spend: SpendRepository;
  readonly log: Log;
  /** Called after each look: whether any of the relayers that are in use can pay. */
  readonly onFunds: (funds: { readonly isFunded: boolean }) => void;
};

const intervalMs = 15_000;
/** Between two looks when batches are mined. */
const intervalMinMs = 2_000;

/** Watches what the relayers of one chain hold. */
export class Treasury {
  private readonly loop: WakeableLoop;
  private readonly own: ReadonlySet<Hex>;
  private known: ReadonlyMap<Hex, RelayerFunds> = new Map();
  private spent: ReadonlyMap<Hex, bigint> = new Map();
  private lookedAtMs = -Infinity;
  private spentAtMs = -Infinity;

  constructor(private readonly options: TreasuryOptions) {
    const { chain, relayers, log } = options;
    const { chainId, relayers: listed } = chain.network;
    this.own = new Set(relayers.map(({ address }) => address).filter((address) => listed.includes(address)));
    this.loop = new WakeableLoop({ name: `treasury ${chainId}`, log, step: () => this.step() });
  }

  start(): void {
    this.loop.start();
  }

  close(): Promise<void> {
    return this.loop.close();
  }

  /** Batches were mined: somebody has paid. */
  noteMined(): void {
    this.loop.wake();
  }

  /** Whether a relayer has what its transactions may cost. One that nobody has looked at yet may. */
  canPay(relayer: Hex): boolean {
    return this.known.get(relayer)?.level !== 'dry';
  }

  funds(): readonly RelayerFunds[] {
    return [...this.known.values()];
  }

  /** Looks, unless the last look was a moment ago. A fault leaves what is known as it is. */
  async step(): Promise<number> {
    const sinceMs = performance.now() - this.lookedAtMs;
    if (sinceMs < intervalMinMs) return intervalMinMs - sinceMs;
    await this.look();
    this.lookedAtMs = performance.now();
    return intervalMs;
  }

  private async look(): Promise<void> {
    const { chain, spend, onFunds } = this.options;
    const { chainId, relayers, relayerBalanceMinWei: balanceMin } = chain.network;
    const spentIsOld = performance.now() - this.spentAtMs >= intervalMs;
    const [balances, inUse, spent] = await Promise.all([
      Promise.all(relayers.map((relayer) => chain.balance(relayer))),
      spend.inUse(chainId),
      spentIsOld ? spend.lastHour(chainId) : this.spent,
    ]);
    if (spentIsOld) this.spentAtMs = performance.now();
    this.spent = spent;
    const before = this.known;
    const found = relayers.flatMap((relayer, index): RelayerFunds[] => {
      const balance = balances[index];
      const isOwn = this.own.has(relayer);
      if (balance === undefined || (!isOwn && !inUse.has(relayer))) return [];
      const now = { balance, spentLastHour: spent.get(relayer) ?? 0n, balanceMin };
      return [{ relayer, isOwn, balance, ...forecast(now, before.get(relayer)?.level) }];
    });
    this.known = new Map(found.map((funds) => [funds.relayer, funds]));
    for (const funds of found) if (funds.isOwn) this.tell(funds, before.get(funds.relayer)?.level ?? 'ok');
    onFunds({ isFunded: found.some(({ level }) => level !== 'dry') });
  }

  private tell({ relayer, balance, hoursLeftTenths, level }: RelayerFunds, before: FundsLevel): void {
    if (level === before) return;
    const { chain, log } = this.options;
    const { chainId, relayerBalanceMinWei } = chain.network;
    const fields = {
      chainId,
      relayer,
      balanceWei: balance.toString(),
      hoursLeft: hoursLeftTenths === null ? null : `${hoursLeftTenths / 10n}.${hoursLeftTenths % 10n}`,
    };
    if (before !== 'ok') {
      const message =
        level === 'ok' ? 'a relayer is well funded again' : 'an alarm of a relayer gives way to another';
      log.info({ alarm: `relayer_${before}`, over: true, ...fields }, message);
    }
    if (level === 'low') {
      log.error({ alarm: 'relayer_low', ...fields }, 'a relayer runs out of funds within a day');
    }
    if (level === 'dry') {
      log.error(
        { alarm: 'relayer_dry', balanceMinWei: relayerBalanceMinWei.toString(), ...fields },
        'a relayer holds too little to be used; nothing is signed with it',
      );
    }
  }
}
