import type { Database } from '@quittance/database';
import type { Verdict } from '@quittance/protocol';

import { Gathering } from '../payment/gathering.js';
import {
  type IdentifierClaim,
  type IdentifierKey,
  type IdentifierRegistry,
  identifierRetentionMs,
  type KnownIdentifier,
  refusedIdentifierRetentionMs,
  verdictRetentionMs,
} from './payment-identifier.js';

const claimsMax = 100;
const callsMax = 2;
const companyMs = 4;
/** Ids that are forgotten in one statement. */
const forgottenMax = 1_000;

type KnownRow = {
  readonly place: number;
  readonly payload_hash: string;
  readonly verify_fingerprint: string | null;
  readonly settle_fingerprint: string | null;
  readonly verdict: Verdict | null;
  readonly is_recent: boolean;
};

/** The ids that clients gave their payments, in Postgres and so the same for every replica. */
export class PaymentIdentifiers implements IdentifierRegistry {
  readonly #claims: Gathering<IdentifierClaim, KnownIdentifier>;

  constructor(private readonly database: Pick<Database, 'sql'>) {
    this.#claims = new Gathering({
      run: (claims) => this.#claimMany(claims),
      itemsMax: claimsMax,
      runsMax: callsMax,
      companyMs,
    });
  }

  claim(claim: IdentifierClaim): Promise<KnownIdentifier> {
    return this.#claims.ask(claim);
  }

  async keep(key: IdentifierKey, verified: Verdict): Promise<Verdict> {
    const forMs = verified.ok ? identifierRetentionMs : refusedIdentifierRetentionMs;
    const [row] = await this.database.sql<{ kept: Verdict | null }>(
      'SELECT facilitator.keep_identified($1::jsonb) AS kept',
      [JSON.stringify({ ...keyJson(key, forMs), verdict: verified, verdict_for_ms: verdictRetentionMs })],
    );
    // Forgotten meanwhile, which takes longer than any answer may: then there is no other.
    return row?.kept ?? verified;
  }

  /** Forgets ids whose time is over; gives how many. */
  async forget(): Promise<number> {
    const rows = await this.database.sql(
      `DELETE FROM facilitator.payment_identifier AS known USING (
         SELECT chain_id, pay_to, identifier FROM facilitator.payment_identifier
          WHERE expires_at <= clock_timestamp() ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED) AS over
        WHERE known.chain_id = over.chain_id AND known.pay_to = over.pay_to AND known.identifier = over.identifier
       RETURNING 1`,
      [forgottenMax],
    );
    return rows.length;
  }

  async #claimMany(claims: readonly IdentifierClaim[]): Promise<KnownIdentifier[]> {
    const rows = await this.database.sql<KnownRow>(
      'SELECT * FROM facilitator.claim_identifiers($1::jsonb[]) ORDER BY place',
      [
        claims.map((claim) =>
          JSON.stringify({
            ...keyJson(claim, refusedIdentifierRetentionMs),
            route: claim.route,
            fingerprint: claim.fingerprint,
          }),
        ),
      ],
    );
    return rows.map((row) => ({
      payloadHash: row.payload_hash,
      verifyFingerprint: row.verify_fingerprint,
      settleFingerprint: row.settle_fingerprint,
      verified: row.verdict,
      isRecent: row.is_recent,
    }));
  }
}

/** A key as the database's functions take it. */
export function keyJson({ network, payTo, identifier, payloadHash }: IdentifierKey, forMs: number) {
  return { chain_id: network, pay_to: payTo, identifier, payload_hash: payloadHash, for_ms: forMs };
}
