import type { Refusal } from '@quittance/protocol';
import type { Address } from 'viem';

import type { Judged } from './facts.js';
import type { EvmPayment } from './payment.js';
import { type EcdsaSignature, readSignature, type ReadSignature, recoverSigner } from './signature.js';
import { type SignatureKind, signatureKindOf } from './signature-kind.js';
import { digestBytes } from './typed-data.js';

/**
 * The payer signed. An account without code is its key; one with code, be it a wallet or a delegate's (EIP-7702), is
 * what its contract says, and a key's signature is none then: so does every contract that settles. A wallet that is
 * not deployed yet is judged by the simulation, which deploys it, if its factory may be called.
 */
export function payerSigned(judged: Judged): Refusal | undefined {
  const { payment, facts } = judged;
  if (facts.payerHasCode) return walletAccepted(judged);
  const kind = signatureKindOf(payment.signature);
  if (kind.kind === 'ecdsa') return keySigned(payment);
  return kind.kind === 'counterfactual' ? factoryIsAllowed(judged, kind) : isNoKeys(payment, kind);
}

function walletAccepted({ payment, facts }: Judged): Refusal | undefined {
  if (facts.signatureAccepted === true) return undefined;
  const answer = facts.signatureAccepted === null ? 'gave no answer for' : 'does not accept';
  return {
    reason: reasonOf(payment),
    message: `The payer ${payment.payer} is a contract, and its isValidSignature ${answer} this signature; sign the authorization as the wallet's own contract expects.`,
  };
}

/** What a signature says of a key, once worked out: the dearest part of a judgment, and the same whatever the chain says. */
type Signed = { readonly problem: string } | { readonly signer: Address };

const signedOf = new WeakMap<EvmPayment, Signed>();

/** Whose key made `signature` over `digest`: {@link recoverSigner} answers it. */
export type SignerQuestion = { readonly digest: Buffer; readonly signature: EcdsaSignature };

/**
 * What is to be worked out to know whose key signed a payment: whoever waits for the chain's facts has time for it until they
 * come. Undefined where there is nothing to be worked out: it is known, or the signature is no key's.
 */
export function signerQuestionOf(payment: EvmPayment): SignerQuestion | undefined {
  if (signedOf.has(payment) || signatureKindOf(payment.signature).kind !== 'ecdsa') return undefined;
  const reading = readKeySignature(payment);
  return reading.ok ? { digest: digestBytes(payment), signature: reading.signature } : undefined;
}

/** Leaves the answer to {@link signerQuestionOf} for {@link judgeEvmPayment} to find. */
export function rememberSigner(payment: EvmPayment, signer: Address | undefined): void {
  signedOf.set(payment, signedFrom(signer));
}

function signedBy(payment: EvmPayment): Signed {
  const known = signedOf.get(payment);
  if (known !== undefined) return known;
  const reading = readKeySignature(payment);
  const signed = reading.ok
    ? signedFrom(recoverSigner(digestBytes(payment), reading.signature))
    : { problem: reading.problem };
  signedOf.set(payment, signed);
  return signed;
}

function readKeySignature({ signature, method }: EvmPayment): ReadSignature {
  return readSignature(signature, method === 'permit2' ? 'any' : 'lower');
}

function signedFrom(signer: Address | undefined): Signed {
  return signer === undefined
    ? { problem: 'The signature is not one: no key can have made it.' }
    : { signer };
}

function keySigned(payment: EvmPayment): Refusal | undefined {
  const reason = reasonOf(payment);
  const signed = signedBy(payment);
  if ('problem' in signed) return { reason, message: signed.problem };
  const { signer } = signed;
  if (signer === payment.payer) return undefined;
  return {
    reason,
    message: `The signature is not by the payer ${payment.payer} over this authorization and ${domainOf(payment)}.`,
  };
}

function factoryIsAllowed(
  { payment, factories }: Judged,
  { factory }: Extract<SignatureKind, { readonly kind: 'counterfactual' }>,
): Refusal | undefined {
  if (payment.scheme === 'upto') {
    return {
      reason: reasonOf(payment),
      message: `The payer ${payment.payer} is a wallet that is not deployed: deploy it first, for by "upto" the facilitator that it names can call nothing but the settlement.`,
    };
  }
  if (factories.includes(factory)) return undefined;
  return {
    reason: 'eip6492_factory_not_allowed',
    message: `The payer ${payment.payer} is a wallet to be deployed by ${factory}, which is not a factory that is called here; deploy the wallet first.`,
  };
}

function isNoKeys(
  payment: EvmPayment,
  { problem }: Extract<SignatureKind, { readonly kind: 'contract' }>,
): Refusal {
  if (problem !== undefined) {
    const reason =
      payment.method === 'permit2' ? reasonOf(payment) : 'invalid_exact_evm_failed_to_parse_signature';
    return { reason, message: `The signature ${problem}.` };
  }
  const reading = readSignature(payment.signature);
  const said = reading.ok ? '' : reading.problem;
  if (payment.method === 'permit2' || payment.signature.length < accountSignatureLength) {
    return { reason: reasonOf(payment), message: said };
  }
  return {
    reason: 'invalid_exact_evm_payload_undeployed_smart_wallet',
    message: `${said} The payer ${payment.payer} has no code: if it is a wallet, deploy it first or wrap the signature by ERC-6492.`,
  };
}

const accountSignatureLength = 2 + 2 * 65;

function reasonOf({ method }: EvmPayment): Refusal['reason'] {
  return method === 'permit2' ? 'invalid_permit2_signature' : 'invalid_exact_evm_payload_signature';
}

function domainOf(payment: EvmPayment): string {
  if (payment.method === 'permit2') return `the domain of Permit2 on ${payment.chainId}`;
  const { name, version } = payment.domain;
  return `the domain ${JSON.stringify(name)} version ${JSON.stringify(version)} of ${payment.asset} on ${payment.chainId}`;
}
