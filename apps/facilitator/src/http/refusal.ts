import {
  parsePaymentRequest,
  type PaymentRequest,
  type ReasonCode,
  type ReasonVocabulary,
  type RefusedPaymentRequest,
  settleAnswer,
  type SettleResponse,
  unknownNetwork,
  verifyAnswer,
  type VerifyResponse,
} from '@quittance/protocol';

export type ReadBody =
  | { readonly ok: true; readonly request: PaymentRequest }
  | { readonly ok: false; readonly status: 200 | 400 | 409; readonly refusal: RefusedPaymentRequest };

/** Reads the bytes of a request body. */
export function readBody(bytes: Uint8Array | undefined): ReadBody {
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes ?? new Uint8Array()));
  } catch (error) {
    const problem = error instanceof SyntaxError ? syntaxProblem(bytes) : 'is not UTF-8';
    return {
      ok: false,
      status: 400,
      refusal: refusalOf('invalid_json', `The request body ${problem}: send one JSON object.`),
    };
  }
  const parsed = parsePaymentRequest(body);
  if (parsed.ok) return parsed;
  return {
    ok: false,
    // For a network that nobody knows it is a verdict, as for any other that we do not settle on.
    status: parsed.request === undefined ? statusOf(parsed.reason) : statusOfVerdict(parsed.reason),
    refusal: parsed,
  };
}

function syntaxProblem(bytes: Uint8Array | undefined): string {
  return bytes === undefined || bytes.length === 0 ? 'is empty' : 'is not JSON';
}

const malformed: ReadonlySet<ReasonCode> = new Set([
  'invalid_json',
  'invalid_network',
  'invalid_payload',
  'invalid_payment_requirements',
  'invalid_x402_version',
  'payload_too_large',
  'invalid_payment_identifier',
  'payment_identifier_required',
]);

/** 400 for a body that is not what the specification describes, 200 for a verdict on one that is. */
export function statusOf(reason: ReasonCode): 200 | 400 {
  return malformed.has(reason) ? 400 : 200;
}

/** The same for a verdict on a request that was well formed down to its network. */
export function statusOfVerdict(reason: ReasonCode): 200 | 400 | 409 {
  // The extension's own word for an id that stands for something else (extensions/payment_identifier.md).
  if (reason === 'payment_identifier_conflict') return 409;
  return reason === 'invalid_network' ? 200 : statusOf(reason);
}

/** A refusal of a request that could not be read far enough to know who speaks. */
export function refusalOf(reason: ReasonCode, message: string): RefusedPaymentRequest {
  return { ok: false, reason, message, x402Version: 2, network: unknownNetwork };
}

/** A refusal in the shape that callers of `/verify` parse. */
export function verifyRefusal(refusal: RefusedPaymentRequest, vocabulary: ReasonVocabulary): VerifyResponse {
  const { reason, message, x402Version } = refusal;
  return verifyAnswer({ request: { x402Version }, verdict: { ok: false, reason, message }, vocabulary });
}

/** A refusal in the shape that callers of `/settle` parse. */
export function settleRefusal(refusal: RefusedPaymentRequest, vocabulary: ReasonVocabulary): SettleResponse {
  const { reason, message, x402Version, network } = refusal;
  return settleAnswer({
    outcome: { success: false, reason, message, transaction: '' },
    network,
    x402Version,
    vocabulary,
  });
}
