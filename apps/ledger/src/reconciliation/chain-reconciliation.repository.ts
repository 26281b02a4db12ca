import type { Database, Sql } from '@quittance/database';
import { type ChainId } from '@quittance/money';

import type { EntryPoster } from '../posting/entry-poster.repository.js';
import { proveBalances } from './balance-proof.js';
import type { BookedRepository } from './booked.repository.js';
import type { BooksView } from './books-view.repository.js';
import {
  breakKey,
  healBreaks,
  openBreaks,
  recordFindings,
  type Scope,
  touchBreaks,
} from './break.repository.js';
import type { OwnWallets } from './cause.js';
import type { BlockRef, ChainReader } from './chain-reader.js';
import { ComparisonRepository, uuidOf } from './comparison.repository.js';
import { type Opened, openWallet, type OwnWalletRepository } from './own-wallet.repository.js';
import { nextPage, nextPageBlocks } from './page-size.js';
import {
  advance,
  forgetOrphans,
  lockProgress,
  type Progress,
  type ProgressRepository,
} from './progress.repository.js';
import { type AccountedWallets, type Compared, Reconciler, walletKey } from './reconciler.js';
import type { PlacementRepository } from './placement.repository.js';
import { advanceRun, lockRun, type Run, type RunRepository } from './run.repository.js';
import type { BlockRange } from './seen.js';
import { planSweep } from './sweep.js';
import { openings } from './wallet-opening.js';

export type ChainReconciliationParts = {
  readonly chainId: ChainId;
  readonly reader: ChainReader;
  readonly database: Database;
  readonly booked: BookedRepository;
  readonly view: BooksView;
  readonly wallets: OwnWalletRepository;
  readonly progress: ProgressRepository;
  readonly runs: RunRepository;
  readonly placement: PlacementRepository;
  readonly poster: EntryPoster;
  /** Wallets of ours by the settings; those that the books have are added. */
  readonly own: OwnWallets;
  /** What the clocks of chain and services may differ by, and what the books may be behind. */
  readonly graceMs: number;
};

/** Breaks that are compared anew in one go: their events may have come. */
const recheckedMax = 200;
const firstBlockMin = 1n;
const millisecondsPerSecond = 1_000;

/**
 * Compares the books with one chain, page by page: what came of a page, what was posted for it and how far it got are
 * committed together, so that it may be stopped anywhere. Several processes may do it at the same time: one of them wins
 * each page.
 */
export class ChainReconciliation {
  private readonly reconciler: Reconciler;
  private readonly comparisons: ComparisonRepository;

  constructor(private readonly parts: ChainReconciliationParts) {
    const { chainId, reader, booked: books, view: asked, database, poster } = parts;
    this.reconciler = new Reconciler({ chainId, reader, books, asked });
    this.comparisons = new ComparisonRepository(database, poster);
  }

  /** Compares the next page up to a block. False where there is none, and the rest has been looked at. */
  async follow(upTo: BlockRef): Promise<boolean> {
    const { chainId, progress, reader, placement } = this.parts;
    // Until what was posted before is placed nothing can be compared with it.
    if ((await placement.place()) === null) return false;
    const now = (await progress.load(chainId)) ?? (await this.begin(upTo));
    const ground = await this.standing(now);
    if (ground === 'behind') return false;
    if (ground === 'forked') {
      await this.rewind(now);
      return true;
    }
    const page = nextPage(now.nextBlock, upTo.number, now.pageBlocks);
    if (page !== null) {
      await this.comparePage(page, now);
      return true;
    }
    const last = await reader.block(now.nextBlock - 1n);
    if (last === null || last.hash !== now.lastHash) return false;
    await this.recheck(now);
    await this.sweep(now);
    await this.prove(last);
    return false;
  }

  /** Compares the next page of what somebody asked for. False where nothing is to be done now. */
  async run(final: BlockRef): Promise<boolean> {
    const { chainId, runs, placement } = this.parts;
    const run = await runs.next(chainId);
    if (run === null || (await placement.place()) === null) return false;
    const page = nextPage(run.nextBlock, run.toBlock, run.pageBlocks);
    if (page === null || page.toBlock > final.number) {
      await runs.noteFault(
        run.id,
        `waits for block ${run.toBlock} to be final; the last final block is ${final.number}`,
      );
      return false;
    }
    try {
      await this.compareRun(page, run);
    } catch (error) {
      await runs.noteFault(run.id, error instanceof Error ? error.message : String(error));
      throw error;
    }
    return true;
  }

  private async begin(upTo: BlockRef): Promise<Progress> {
    const { chainId, progress, view } = this.parts;
    const first = (await view.firstBlock(chainId)) ?? upTo.number;
    await progress.begin(chainId, first < firstBlockMin ? firstBlockMin : first);
    const begun = await progress.load(chainId);
    if (begun === null) throw new RangeError(`reconciliation of ${chainId} did not begin`);
    return begun;
  }

  /** Whether the chain still has what was compared last: a node that is behind has not got it yet. */
  private async standing({ nextBlock, lastHash }: Progress): Promise<'well' | 'behind' | 'forked'> {
    if (lastHash === null) return 'well';
    const last = await this.parts.reader.block(nextBlock - 1n);
    if (last === null) return 'behind';
    return last.hash === lastHash ? 'well' : 'forked';
  }

  private async rewind(now: Progress): Promise<void> {
    const { chainId, progress, reader } = this.parts;
    for (const end of await progress.pageEnds(chainId)) {
      if ((await reader.block(end.number))?.hash === end.hash) return progress.rewind(chainId, now, end);
    }
    await progress.rewind(chainId, now, null);
  }

  private async comparePage(page: BlockRange, now: Progress): Promise<void> {
    const { chainId, database } = this.parts;
    const accounted = await this.accounted(now);
    const scope: Scope = { kind: 'blocks', ...page };
    const wanted = await this.wanted(scope);
    const { last, movements, ...compared } = await this.reconciler.blocks(page, accounted, wanted);
    await database.transaction(async ({ sql }) => {
      if (!(await lockProgress(sql, chainId, now.nextBlock))) return;
      const { found } = await this.keep(sql, scope, compared);
      const pageBlocks = nextPageBlocks(page.toBlock - page.fromBlock + 1n, movements);
      const { matched } = compared.comparison;
      await advance(sql, chainId, { last, pageBlocks, matched, found: found.length });
    });
  }

  private async compareRun(page: BlockRange, run: Run): Promise<void> {
    const { database } = this.parts;
    const accounted = await this.known();
    const scope: Scope = { kind: 'blocks', ...page };
    const wanted = await this.wanted(scope);
    const { last, movements, ...compared } = await this.reconciler.blocks(page, accounted, wanted);
    await database.transaction(async ({ sql }) => {
      if (!(await lockRun(sql, run))) return;
      const { found } = await this.keep(sql, scope, compared);
      const pageBlocks = nextPageBlocks(page.toBlock - page.fromBlock + 1n, movements);
      const { matched } = compared.comparison;
      await advanceRun(sql, run, { last: last.number, pageBlocks, matched, found });
    });
  }

  /** Looks again at transactions that breaks are about, and at those that the chain took back. */
  private async recheck(now: Progress): Promise<void> {
    const { chainId, database, progress, placement } = this.parts;
    const rows = await database.sql<{ id: string; transaction: string; payment_id: string | null }>(
      `SELECT id::text AS id, transaction, payment_id FROM ledger.reconciliation_break
        WHERE chain_id = $1 AND state = 'open' AND type <> 'balance' AND transaction IS NOT NULL
        ORDER BY last_seen_at LIMIT ${recheckedMax}`,
      [chainId],
    );
    const payments = rows.flatMap(({ payment_id: id }) => (id === null ? [] : [id]));
    await placement.placePayments([...new Set(payments)]);
    const orphans = await progress.orphans(chainId);
    const hashes = [...rows, ...orphans].map(({ transaction }) => transaction);
    await this.compareTransactions(
      [...new Set(hashes)],
      now,
      rows.map(({ id }) => id),
    );
  }

  /** Looks for what the books have and the pages did not show: posted later, or on no chain at all. */
  private async sweep(now: Progress): Promise<void> {
    const { chainId, progress, graceMs } = this.parts;
    if (now.lastTime === null) return;
    const horizon = await this.parts.placement.place();
    if (horizon === null) return;
    const headers = await progress.sweepable(chainId, now, horizon);
    const plan = planSweep(headers, { reconciledAt: now.lastTime, graceMs });
    await this.compareTransactions(plan.transactions, now);
    const isAll = plan.isComplete && headers.length < progress.sweptMax;
    const upTo = isAll ? horizon : plan.upTo;
    if (upTo !== null && upTo !== now.sweptId) await progress.noteSwept(chainId, now.sweptId, upTo);
  }

  private async compareTransactions(
    hashes: readonly string[],
    now: Progress,
    looked: readonly string[] = [],
  ): Promise<void> {
    if (hashes.length === 0) return;
    const { chainId, database, progress } = this.parts;
    const accounted = await this.known();
    const lastSeen = await progress.seen(chainId, hashes);
    const wanted = await this.wanted({ kind: 'transactions', transactions: hashes });
    const compared = await this.reconciler.transactions(hashes, {
      wallets: accounted,
      wanted,
      upTo: now.nextBlock - 1n,
      lastSeen,
    });
    const scope: Scope = { kind: 'transactions', transactions: compared.said };
    await database.transaction(async ({ sql }) => {
      if (!(await lockProgress(sql, chainId, now.nextBlock))) return;
      const { found } = await this.keep(sql, scope, compared);
      const broken = new Set(found.map(({ transaction }) => transaction));
      await forgetOrphans(
        sql,
        chainId,
        compared.gone.filter((hash) => !broken.has(hash)),
      );
      await touchBreaks(sql, looked);
    });
  }

  /** Compares balances after the last block that was compared. */
  private async prove(last: BlockRef): Promise<void> {
    const { chainId, database, reader, wallets, progress } = this.parts;
    if (!(await progress.isProofDue(chainId, last.number))) return;
    const proof = await proveBalances(reader, await wallets.balancesAt(chainId, last.number), last);
    await database.transaction(async ({ sql }) => {
      if (!(await lockProgress(sql, chainId, last.number + 1n))) return;
      const open = await openBreaks(sql, chainId, { kind: 'balances', subjects: proof.subjects });
      const ids = await recordFindings(sql, chainId, proof.findings);
      const gone = open.filter((one) => !ids.has(breakKey(one)));
      await healBreaks(
        sql,
        gone.map(({ id }) => ({ id, fixedBy: null })),
      );
      await progress.noteProof(sql, chainId, last.number);
    });
  }

  private async keep(sql: Sql, scope: Scope, { comparison, seen, times }: Compared) {
    const timeOf = (block: bigint): Date => times.get(block) ?? new Date(0);
    return this.comparisons.keep(sql, this.parts.chainId, { scope, comparison, seen, timeOf });
  }

  private async wanted(scope: Scope): Promise<ReadonlySet<string>> {
    const open = await openBreaks(this.parts.database.sql, this.parts.chainId, scope);
    return new Set(open.map(({ subject }) => subject));
  }

  /** Wallets of ours, those among them that were not known until now with what they hold. */
  private async accounted(now: Progress): Promise<AccountedWallets> {
    const { chainId, database, reader, booked, view, wallets, poster } = this.parts;
    // What a wallet held before cannot be asked for any more: it is accounted for from a later page on.
    if (!(await reader.hasStates(now.nextBlock - 1n))) return this.known();
    const own = await this.own();
    const known = await wallets.list(chainId);
    const books = {
      balanceNow: view.balanceNow.bind(view),
      nativeTransactionsOf: view.nativeTransactionsOf.bind(view),
      nativeBy: booked.nativeBy.bind(booked),
    };
    const opened = await openings(reader, books, { chainId, own, known, firstBlock: now.nextBlock });
    if (opened.length > 0) {
      const before = await reader.block(now.nextBlock - 1n);
      const effectiveAt = new Date(Number(before?.time ?? 0n) * millisecondsPerSecond);
      await database.transaction(async ({ sql }) => {
        for (const { lines, ...wallet } of opened) {
          const id = `opening ${chainId} ${wallet.address} ${wallet.asset}`;
          const posting = {
            book: 'G' as const,
            source: 'transfer' as const,
            sourceEventId: uuidOf(id),
            kind: 'transfer.opening',
            paymentId: null,
            chainTransaction: null,
            effectiveAt,
            lines,
          };
          const posted = lines.length === 0 ? null : await poster.postWithin(sql, posting);
          const row: Opened = { ...wallet, transactionId: posted?.transactionId ?? null };
          await openWallet(sql, chainId, row);
        }
      });
    }
    return this.known();
  }

  private async known(): Promise<AccountedWallets> {
    const list = await this.parts.wallets.list(this.parts.chainId);
    return {
      own: new Map([...list.map(({ address, use }) => [address, use] as const), ...(await this.own())]),
      since: new Map(list.map(({ address, asset, firstBlock }) => [walletKey(address, asset), firstBlock])),
    };
  }

  private async own(): Promise<OwnWallets> {
    return new Map([...(await this.parts.view.ownWallets(this.parts.chainId)), ...this.parts.own]);
  }
}
