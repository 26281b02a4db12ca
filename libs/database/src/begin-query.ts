import pg from 'pg';

/** The messages of the extended protocol that we send ourselves; what node-postgres has and its types lack. */
type Wire = {
  parse(message: { readonly text: string }): void;
  bind(message: object): void;
  execute(message: object): void;
};

type Completed = { readonly text: string };

/** What node-postgres has, documents by its tests, and its types lack. */
type QueryParts = {
  requiresPreparation(): boolean;
  prepare(connection: Wire): void;
  handleCommandComplete(message: Completed, connection: Wire): void;
};

const parts = pg.Query.prototype as unknown as QueryParts;

/**
 * The first statement of a transaction with the BEGIN before it, in one message: without waiting for the one before
 * sending the other, and yet never the one without the other. A BEGIN that fails takes the statement with it, because
 * Postgres skips what follows an error up to the end of the message.
 */
export class BeginQuery extends pg.Query {
  private begun = false;

  requiresPreparation(): boolean {
    return true;
  }

  prepare(connection: Wire): void {
    connection.parse({ text: 'BEGIN' });
    connection.bind({});
    connection.execute({});
    parts.prepare.call(this, connection);
  }

  handleCommandComplete(message: Completed, connection: Wire): void {
    if (this.begun) parts.handleCommandComplete.call(this, message, connection);
    this.begun = true;
  }
}
