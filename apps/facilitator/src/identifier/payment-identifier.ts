import {
  payloadFingerprintOf,
  type PaymentRequest,
  readPaymentIdentifier,
  type Refusal,
  type Verdict,
} from '@quittance/protocol';

import { accountText } from '../verdict/verdict-record.js';

/**
 * How long an id that was used stands for its payment: clients retry within minutes, and after a day the payment itself
 * still answers identical requests.
 */
export const identifierRetentionMs = 24 * 60 * 60 * 1_000;
/** The same for an id whose payment was refused, or is still looked at: soon it may be used anew, and judged anew. */
export const refusedIdentifierRetentionMs = 60 * 1_000;

/** How long a verdict is given again as it is, whatever became of the payer's money. */
export const verdictRetentionMs = 60 * 1_000;

/** An id as it is known: clients make it up, and so it means something only to one seller on one network. */
export type IdentifierKey = {
  readonly network: string;
  readonly payTo: string;
  readonly identifier: string;
  /** Of the payment payload that came with it. */
  readonly payloadHash: string;
};

export type IdentifierClaim = IdentifierKey & {
  readonly route: 'verify' | 'settle';
  /** Of the whole request. */
  readonly fingerprint: string;
};

/** What an id stands for. */
export type KnownIdentifier = {
  readonly payloadHash: string;
  readonly verifyFingerprint: string | null;
  readonly settleFingerprint: string | null;
  /** What `/verify` answered. */
  readonly verified: Verdict | null;
  /** Whether that is to be given again, word for word, without a look at anything. */
  readonly isRecent: boolean;
};

/** The ids that are known, for all replicas. */
export type IdentifierRegistry = {
  /** Takes the id for this payload, unless it is taken, and gives what it stands for. */
  claim(claim: IdentifierClaim): Promise<KnownIdentifier>;
  /** Keeps an answer of `/verify`, unless there is a recent one, and gives the one that is kept. */
  keep(key: IdentifierKey, verified: Verdict): Promise<Verdict>;
};

/** What the id of a request is to us: its own now, or why the request is refused. */
export type TakenIdentifier =
  | ({ readonly ok: true; readonly claim: IdentifierClaim | null } & Pick<
      KnownIdentifier,
      'verified' | 'isRecent'
    >)
  | ({ readonly ok: false } & Refusal);

/** Takes the id that a request comes with, if it comes with one. */
export async function takeIdentifier(
  request: PaymentRequest,
  { route, fingerprint }: Pick<IdentifierClaim, 'route' | 'fingerprint'>,
  registry: IdentifierRegistry,
): Promise<TakenIdentifier> {
  const reading = readPaymentIdentifier(request.extensions);
  if (!reading.ok) return reading;
  if (reading.info === null) return { ok: true, claim: null, verified: null, isRecent: false };
  const claim: IdentifierClaim = {
    network: request.network,
    payTo: accountText(request.requirements.payTo),
    identifier: reading.info,
    payloadHash: payloadFingerprintOf(request),
    route,
    fingerprint,
  };
  const known = await registry.claim(claim);
  const conflict = conflictWith(known, claim);
  if (conflict !== undefined) return { ok: false, ...conflict };
  const { verified, isRecent } = known;
  return { ok: true, claim, verified, isRecent };
}

/** Why a request with a known id is not taken, or undefined when the id is its own. */
function conflictWith(known: KnownIdentifier, claim: IdentifierClaim): Refusal | undefined {
  const asked = claim.route === 'verify' ? known.verifyFingerprint : known.settleFingerprint;
  const isSamePayload = known.payloadHash === claim.payloadHash;
  if (isSamePayload && asked === claim.fingerprint) return undefined;
  const other = isSamePayload ? 'with other requirements' : 'with another payment payload';
  return {
    reason: 'payment_identifier_conflict',
    message: `The payment identifier "${claim.identifier}" came before ${other}: use a new one, or send what came with it.`,
  };
}
