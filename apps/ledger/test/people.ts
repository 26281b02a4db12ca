import { createHash, randomUUID } from 'node:crypto';

import { expect } from '@jest/globals';
import type { z } from 'zod';

import type { Role } from '../src/access/role.js';
import { journalSchema, type JournalView } from '../src/journal/journal.schema.js';
import { asset, chainId, type PaymentStory } from './payment-events.js';
import type { Answer, RunningLedger } from './running-ledger.js';

/** People with tokens, as ACCESS_TOKENS names them. */
const people = {
  vera: ['viewer'],
  ada: ['operator', 'approver'],
  ben: ['operator', 'approver'],
  cleo: ['controller', 'approver'],
  otto: ['auditor'],
} as const satisfies Record<string, readonly Role[]>;

export type Person = keyof typeof people;

export const tokenOf = (person: Person): string => `the-token-of-${person}`;

export const accessTokens = JSON.stringify(
  Object.entries(people).map(([name, roles]) => ({
    name,
    sha256: createHash('sha256')
      .update(tokenOf(name as Person))
      .digest('hex'),
    roles,
  })),
);

/** People at work with a ledger that runs. */
export class Office {
  constructor(readonly ledger: RunningLedger) {}

  get(person: Person, path: string): Promise<Answer> {
    return this.ledger.get(path, tokenOf(person));
  }

  post(
    person: Person,
    path: string,
    { body, key = randomUUID() }: { body: unknown; key?: string },
  ): Promise<Answer> {
    return this.ledger.post(path, { token: tokenOf(person), body, key });
  }

  async read<Schema extends z.ZodType>(
    person: Person,
    schema: Schema,
    path: string,
  ): Promise<z.output<Schema>> {
    const { status, body } = await this.get(person, path);
    expect({ status, body }).toMatchObject({ status: 200 });
    return schema.parse(body);
  }

  /** Writes, which must succeed. */
  async did<Schema extends z.ZodType>(
    person: Person,
    schema: Schema,
    { path, body }: { readonly path: string; readonly body: unknown },
  ): Promise<z.output<Schema>> {
    const answer = await this.post(person, path, { body });
    expect(answer.status < 300 ? '' : answer.body).toBe('');
    return schema.parse(answer.body);
  }

  drafted(by: Person, about: PaymentStory, changes: Record<string, unknown> = {}): Promise<JournalView> {
    return this.did(by, journalSchema, { path: '/journals', body: correction(about, changes) });
  }

  /** Tells of a payment, and waits until the books know. */
  async told(
    story: PaymentStory,
    events: readonly ('accepted' | 'submitted' | 'confirmed')[],
  ): Promise<void> {
    await this.ledger.transport.publish(
      events.map((what) => (what === 'confirmed' ? story.confirmed('us') : story[what]())),
    );
    const state = events.at(-1);
    await this.ledger.until(`${state}`, async () => {
      const { body } = await this.get('vera', `/payments/${story.paymentId}`);
      return body['state'] === state;
    });
  }
}

export const transit = `F:transit:${chainId}`;
export const payerOf = ({ payer }: PaymentStory): string => `F:payer:${chainId}:${payer}`;

/** A journal that is right. */
export const correction = (
  about: PaymentStory,
  changes: Record<string, unknown> = {},
): Record<string, unknown> => ({
  book: 'F',
  effectiveAt: '2026-11-20T13:00:00Z',
  reason: 'booked to the wrong account',
  lines: [
    { account: payerOf(about), asset, layer: 'settled', amount: '-5' },
    { account: transit, asset, layer: 'settled', amount: '5' },
  ],
  ...changes,
});
