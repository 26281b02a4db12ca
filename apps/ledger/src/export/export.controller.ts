import { Readable } from 'node:stream';

import { Controller, Get, Param, Query, Res, StreamableFile } from '@nestjs/common';
import type { FastifyReply } from 'fastify';

import { Needs } from '../access/access.guard.js';
import { AssetDirectory } from '../asset/asset-directory.js';
import { ProblemError } from '../http/problem.error.js';
import { readParameters } from '../http/query.js';
import type { Moment } from '../moment/moment.js';
import { MomentRepository } from '../moment/moment.repository.js';
import { gapLine, journalLine } from '../proof/sealed-transaction.js';
import { statementPath } from '../statement/statement.schema.js';
import { beancount } from './beancount.js';
import { byteOrderMark } from './csv.js';
import {
  csvExportQuery,
  journalExportQuery,
  plainTextExportQuery,
  statementExportQuery,
} from './export.schema.js';
import { hledger } from './hledger.js';
import { JournalSource, type SourceQuery } from './journal-source.repository.js';
import { csvJournalHeader, csvJournalRows } from './journal-text.js';
import type { PlainTextFormat } from './plain-text.js';
import { PlainTextRepository } from './plain-text.repository.js';
import { StatementExportRepository } from './statement-export.repository.js';

/**
 * The books as files, written while they are read: however long one is, it takes no more memory. The moment is in the headers,
 * since some of the formats have no place for it.
 */
@Needs('analyst')
@Controller()
export class ExportController {
  constructor(
    private readonly moments: MomentRepository,
    private readonly source: JournalSource,
    private readonly plainText: PlainTextRepository,
    private readonly statements: StatementExportRepository,
    private readonly assets: AssetDirectory,
  ) {}

  @Get('exports/journal.csv')
  async csv(
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StreamableFile> {
    const { bom, position, as_of, as_known_at, ...filters } = readParameters(csvExportQuery, query);
    const moment = await this.moments.resolve({ as_of, as_known_at });
    const header = (bom === 'true' ? byteOrderMark : '') + csvJournalHeader;
    // What follows on an earlier part has the header already.
    const text = this.csvText({ moment, filters, position }, position === undefined ? header : '');
    return sent(reply, { moment, text, mediaType: 'text/csv; charset=utf-8', name: 'journal.csv' });
  }

  @Get('exports/journal.jsonl')
  async jsonLines(
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StreamableFile> {
    const { position, as_of, as_known_at, ...filters } = readParameters(journalExportQuery, query);
    const moment = await this.moments.resolve({ as_of, as_known_at });
    const text = this.jsonLinesText({ moment, filters, position });
    return sent(reply, { moment, text, mediaType: 'application/x-ndjson', name: 'journal.jsonl' });
  }

  @Get('exports/beancount')
  beancount(
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StreamableFile> {
    return this.plainTextFile(beancount, query, reply);
  }

  @Get('exports/hledger')
  hledger(@Query() query: unknown, @Res({ passthrough: true }) reply: FastifyReply): Promise<StreamableFile> {
    return this.plainTextFile(hledger, query, reply);
  }

  @Get('accounts/:code/statement.csv')
  async statementCsv(
    @Param() path: unknown,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StreamableFile> {
    const { code } = readParameters(statementPath, path);
    const given = readParameters(statementExportQuery, query);
    const moment = await this.moments.resolve(given);
    const text = this.statements.csv(await this.statements.prepare(code, { ...given, moment }));
    return sent(reply, {
      moment,
      text,
      mediaType: 'text/csv; charset=utf-8',
      name: fileName(code, given, 'csv'),
    });
  }

  @Get('accounts/:code/statement.camt053')
  async statementCamt(
    @Param() path: unknown,
    @Query() query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StreamableFile> {
    const { code } = readParameters(statementPath, path);
    const given = readParameters(statementExportQuery, query);
    const moment = await this.moments.resolve(given);
    const text = await this.statements.camt(await this.statements.prepare(code, { ...given, moment }));
    return sent(reply, {
      moment,
      text,
      mediaType: 'application/xml; charset=utf-8',
      name: fileName(code, given, 'camt053.xml'),
    });
  }

  private async plainTextFile(
    format: PlainTextFormat,
    query: unknown,
    reply: FastifyReply,
  ): Promise<StreamableFile> {
    const given = readParameters(plainTextExportQuery, query);
    const { from, to } = given;
    if (from !== undefined && to !== undefined && to < from) {
      throw ProblemError.invalid(`Parameter "to": ${to} is before "from", ${from}.`);
    }
    const moment = await this.moments.resolve(given);
    const text = this.plainText.write(format, moment, given);
    return sent(reply, { moment, text, mediaType: format.mediaType, name: `books.${format.extension}` });
  }

  private async *csvText(query: SourceQuery, header: string): AsyncGenerator<string> {
    if (header !== '') yield header;
    for await (const piece of this.source.pieces(query)) {
      yield piece.map((item) => (item.kind === 'gap' ? '' : csvJournalRows(item, this.assets))).join('');
    }
  }

  /** What is left out stands there by its hashes, so that the whole can be verified against any checkpoint. */
  private async *jsonLinesText(query: SourceQuery): AsyncGenerator<string> {
    let gap: { start: number; end: number } | null = null;
    const gapText = async (): Promise<string> => {
      if (gap === null) return '';
      const hashes = await this.source.hashesOf(gap);
      gap = null;
      return hashes.map((one) => `${gapLine(one)}\n`).join('');
    };
    for await (const piece of this.source.pieces(query)) {
      const parts: string[] = [];
      for (const item of piece) {
        if (item.kind === 'gap') {
          gap = { start: gap === null ? item.start : (gap as { start: number }).start, end: item.end };
          continue;
        }
        if (gap !== null) parts.push(await gapText());
        parts.push(`${journalLine(item)}\n`);
      }
      if (parts.length > 0) yield parts.join('');
    }
    if (gap !== null) yield await gapText();
  }
}

type File = {
  readonly moment: Moment;
  readonly text: AsyncGenerator<string>;
  readonly mediaType: string;
  readonly name: string;
};

/** Says of what it is, in characters that every file system takes. */
const fileName = (
  code: string,
  { from, to }: { readonly from: string; readonly to: string },
  extension: string,
): string => `statement-${code.replaceAll(/[^A-Za-z0-9.-]/g, '-')}-${from}-${to}.${extension}`;

/** The first piece is read before anything is sent: a fault until then is answered as a problem. */
async function sent(reply: FastifyReply, { moment, text, mediaType, name }: File): Promise<StreamableFile> {
  const first = await text.next();
  void reply.header('quittance-as-of', moment.asOf);
  void reply.header('quittance-as-known-at', moment.asKnownAt);
  void reply.header('quittance-size', String(moment.size));
  return new StreamableFile(Readable.from(withFirst(first, text), { objectMode: false }), {
    type: mediaType,
    disposition: `attachment; filename="${name}"`,
  });
}

async function* withFirst(
  first: IteratorResult<string>,
  rest: AsyncGenerator<string>,
): AsyncGenerator<Buffer> {
  if (first.done !== true) yield Buffer.from(first.value);
  for await (const text of rest) if (text !== '') yield Buffer.from(text);
}
