import { Readable } from 'node:stream';

import { Controller, Get, Header, Param, Query, StreamableFile } from '@nestjs/common';

import { Needs } from '../access/access.guard.js';
import type { Page } from '../http/page.js';
import { ProblemError } from '../http/problem.error.js';
import { readParameters } from '../http/query.js';
import { leafOf } from './discrepancy.js';
import { isConsistent, rootOfInclusion } from './merkle-tree.js';
import { ProofFilesRepository } from './proof-files.repository.js';
import { ProofRepository } from './proof.repository.js';
import {
  checkpointsQuery,
  type CheckpointView,
  type Consistency,
  consistencyQuery,
  type Inclusion,
  transactionProofPath,
  transactionProofQuery,
} from './proof.schema.js';
import { canonicalText } from './sealed-transaction.js';

const jsonLines = 'application/x-ndjson';

@Controller('proofs')
@Needs('auditor')
export class ProofController {
  constructor(
    private readonly proofs: ProofRepository,
    private readonly files: ProofFilesRepository,
  ) {}

  @Get('transactions/:id')
  async inclusion(@Param() path: unknown, @Query() query: unknown): Promise<Inclusion> {
    const { id } = readParameters(transactionProofPath, path);
    const { size: asked } = readParameters(transactionProofQuery, query);
    const standing = await this.proofs.standing(id);
    if (standing.at === 'nowhere') throw ProblemError.notFound(`The books have no transaction ${id}.`);
    if (standing.at === 'posted') throw notSealed(id);
    const { position } = standing;
    const [leaf, seal] = await Promise.all([this.proofs.leaf(position), this.proofs.sealOf(position)]);
    if (leaf?.transaction == null || seal === null) throw altered(`leaf ${position}, transaction ${id}`);
    const size = asked === undefined ? await this.sizeFor(position) : await this.sizeAsked(asked, position);
    const hashes = await this.proofs.inclusionPath(position, size);
    const root = rootOfInclusion({ position, size, leaf: leaf.leaf, path: hashes });
    const [of, checkpoint] = await Promise.all([
      this.proofs.sealOfSize(size),
      this.proofs.checkpointOfSize(size),
    ]);
    // Nothing is answered that a verifier would refuse.
    if (leafOf(leaf.transaction) !== leaf.leaf || root === null || (of !== null && of.root !== root))
      throw altered(`transaction ${id}, leaf ${position}, in the tree of size ${size}`);
    return {
      transactionId: id,
      transaction: {
        ...leaf.transaction,
        entries: [...leaf.transaction.entries],
      } as Inclusion['transaction'],
      canonical: canonicalText(leaf.transaction),
      position,
      leaf: leaf.leaf,
      sealedAt: seal.sealedAt.toISOString(),
      size,
      path: hashes,
      root,
      checkpoint,
    };
  }

  @Get('consistency')
  async consistency(@Query() query: unknown): Promise<Consistency> {
    const { from, to: asked } = readParameters(consistencyQuery, query);
    const latest = (await this.proofs.latestSeal())?.size ?? 0;
    const to = asked ?? latest;
    if (to > latest) throw tooLarge('to', to, latest);
    if (from > to)
      throw ProblemError.invalid(`Parameter "from": must be at most "to", which is ${to}; it is ${from}.`);
    const [path, fromRoot, toRoot] = await Promise.all([
      this.proofs.consistencyPath(from, to),
      this.rootAsSealed(from),
      this.rootAsSealed(to),
    ]);
    if (!isConsistent({ from, to, fromRoot, toRoot, path }))
      throw altered(`the tree of size ${from} or ${to}`);
    return { from, to, fromRoot, toRoot, path };
  }

  @Get('checkpoints')
  checkpoints(@Query() query: unknown): Promise<Page<CheckpointView>> {
    return this.proofs.checkpoints(readParameters(checkpointsQuery, query));
  }

  @Get('checkpoints/latest')
  async latest(): Promise<CheckpointView> {
    const checkpoint = await this.proofs.latestCheckpoint();
    if (checkpoint !== null) return checkpoint;
    throw ProblemError.notFound(
      'No checkpoint is signed yet. The first comes some seconds after the first posting, where CHECKPOINT_KEY is set.',
    );
  }

  @Get('checkpoints.jsonl')
  @Header('content-type', jsonLines)
  checkpointsFile(): StreamableFile {
    return new StreamableFile(Readable.from(this.files.checkpoints()));
  }

  @Get('seals.jsonl')
  @Header('content-type', jsonLines)
  sealsFile(): StreamableFile {
    return new StreamableFile(Readable.from(this.files.seals()));
  }

  @Get('keys')
  async keys(): Promise<{ items: { verifierKey: string; firstUsed: string }[] }> {
    return { items: await this.proofs.keys() };
  }

  private async rootAsSealed(size: number): Promise<string> {
    const [root, seal] = await Promise.all([this.proofs.rootOf(size), this.proofs.sealOfSize(size)]);
    if (seal !== null && seal.root !== root) throw altered(`the tree of size ${size}`);
    return root;
  }

  /** Signed, if it can be. */
  private async sizeFor(position: number): Promise<number> {
    const signed = (await this.proofs.latestCheckpoint())?.size ?? 0;
    if (signed > position) return signed;
    return (await this.proofs.latestSeal())?.size ?? position + 1;
  }

  private async sizeAsked(size: number, position: number): Promise<number> {
    const latest = (await this.proofs.latestSeal())?.size ?? 0;
    if (size > latest) throw tooLarge('size', size, latest);
    if (size > position) return size;
    throw ProblemError.invalid(
      `Parameter "size": must be above ${position}, the transaction's place; it came into the books later than that tree.`,
    );
  }
}

const notSealed = (id: string): ProblemError =>
  new ProblemError({
    status: 409,
    code: 'not_sealed_yet',
    title: 'Not sealed yet',
    detail: `Transaction ${id} is in the books and not sealed yet. That takes about a second; ask again then.`,
  });

const altered = (what: string): ProblemError =>
  new ProblemError({
    status: 500,
    code: 'books_altered',
    title: 'The books are not what was sealed',
    detail: `What stands in the database for ${what} is not what was sealed. Somebody with the owner's rights changed it: run a full check, and compare with a backup.`,
  });

const tooLarge = (name: string, size: number, latest: number): ProblemError =>
  ProblemError.invalid(
    `Parameter "${name}": must be at most ${latest}, the size of the tree now; it is ${size}.`,
  );
