import type { EvmFacts } from '@quittance/exact-evm';
import { parseChainId } from '@quittance/money';
import type { PaymentId, Verdict } from '@quittance/protocol';

import type {
  IdentifierClaim,
  IdentifierKey,
  KnownIdentifier,
} from '../src/identifier/payment-identifier.js';
import type { BalanceBlock, Payment } from '../src/payment/payment.js';
import type { Reservation, Reserved, SettlePorts } from '../src/settle/settle.js';
import type { VerdictRecord } from '../src/verdict/verdict-record.js';
import { PayerLanes } from '../src/verify/payer-lanes.js';
import type { Chains, VerifyingChain } from '../src/verify/presentation.js';

export class Fault extends Error {
  readonly code = 'transport_unavailable';
}

const chainId = parseChainId('eip155:84532');
export const transaction = `0x${'7a'.repeat(32)}`;
export const relayer = '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266';

export const goodFacts: EvmFacts = {
  blockNumber: 9n,
  blockTime: BigInt(Math.floor(Date.now() / 1000)),
  payerHasCode: false,
  assetHasCode: true,
  balance: 15_000n,
  authorizationUsed: false,
  signatureAccepted: null,
  tokenName: 'USDC',
  tokenVersion: '2',
  allowance: null,
  proxyHasCode: true,
  simulation: { ok: true },
};

/** A registry in memory, with the rules of the real one. */
export class World {
  readonly payments = new Map<string, Payment>();
  readonly reservations: Reservation[] = [];
  readonly trail: VerdictRecord[] = [];
  readonly identifiers = new Map<
    string,
    { -readonly [Field in keyof KnownIdentifier]: KnownIdentifier[Field] }
  >();
  facts: EvmFacts = goodFacts;
  transportDown = false;
  trailDown = false;
  suspended = false;
  full = false;
  readonly places: boolean[] = [];
  dropped = 0;
  factsAsked = 0;
  balancesKnownAt: BalanceBlock | undefined;
  /** The block of each question for what is in flight. */
  readonly inFlightAsked: bigint[] = [];
  outcome: Partial<Payment> = { state: 'confirmed', transaction };
  beforeReserve: () => void = () => undefined;
  /** Nonces that the chain has seen used, though no event has told us. */
  spent: readonly string[] = [];

  get ports(): SettlePorts {
    const chain: VerifyingChain = {
      chainId,
      assets: new Set(['0x036cbd53842c5426634e7929541ec2318f3dcf7e']),
      relayers: [relayer],
      factories: [],
      balancesKnownAt: this.balancesKnownAt,
      paymentFacts: async () => {
        this.factsAsked += 1;
        return this.facts;
      },
      spentOf: async (_payment, open) => open.filter(({ nonce }) => this.spent.includes(nonce)),
    };
    const chains: Chains = new Map([[chainId, chain]]);
    return {
      chains,
      now: () => new Date(),
      lanes: new PayerLanes(),
      registry: {
        find: async (id) => this.payments.get(id) ?? null,
        inFlight: async (_purse, at) => {
          this.inFlightAsked.push(at.number);
          return this.inFlight(at);
        },
        lookUp: async (id, _purse, at) => {
          this.inFlightAsked.push(at.number);
          return { known: this.payments.get(id) ?? null, inFlight: this.inFlight(at) };
        },
        openAuthorizations: async () => [...this.payments.values()],
        reserve: async (reservation) => this.reserve(reservation),
      },
      identifiers: {
        claim: async (claim) => this.claim(claim),
        keep: async (key, verdict) => this.keepVerdict(key, verdict),
      },
      trail: {
        keep: async (record) => {
          if (this.trailDown) throw new Fault('trail down');
          this.trail.push(record);
        },
      },
      waiter: {
        wait: (id) => this.wait(id),
        expect: (id) => ({ wait: () => this.wait(id), drop: () => void (this.dropped += 1) }),
      },
      intake: {
        requireSettling: () => {
          if (this.suspended) throw new Fault('suspended');
        },
        enter: () => {
          if (this.suspended || this.full) throw new Fault('nothing new');
          return { leave: (kept) => void this.places.push(kept) };
        },
      },
      transport: {
        requireAvailable: () => {
          if (this.transportDown) throw new Fault('down');
        },
      },
    };
  }

  private async wait(id: PaymentId): Promise<Payment> {
    const payment = this.payments.get(id);
    if (payment === undefined) throw new Fault('unseen');
    return { ...payment, ...this.outcome };
  }

  private inFlight({ landed }: Reservation['at']): bigint {
    const open = [...this.payments.values()].filter(({ id }) => !landed.includes(id));
    return open.reduce((sum, { amount }) => sum + amount, 0n);
  }

  private reserve(reservation: Reservation): Reserved {
    this.beforeReserve();
    const { terms } = reservation;
    if (this.payments.has(terms.id)) return { outcome: 'exists' };
    const inFlight = this.inFlight(reservation.at);
    if (terms.amount > 0n && reservation.balance - inFlight < terms.amount)
      return { outcome: 'short', inFlight };
    this.reservations.push(reservation);
    this.payments.set(terms.id, registered(terms));
    return { outcome: 'reserved' };
  }

  private claim(claim: IdentifierClaim): KnownIdentifier {
    const { payloadHash, route, fingerprint } = claim;
    const known = this.identifiers.get(keyOf(claim)) ?? {
      payloadHash,
      verifyFingerprint: null,
      settleFingerprint: null,
      verified: null,
      isRecent: false,
    };
    this.identifiers.set(keyOf(claim), known);
    if (known.payloadHash === payloadHash) {
      if (route === 'verify') known.verifyFingerprint ??= fingerprint;
      else known.settleFingerprint ??= fingerprint;
    }
    return { ...known };
  }

  private keepVerdict(key: IdentifierKey, verdict: Verdict): Verdict {
    const known = this.identifiers.get(keyOf(key));
    if (known !== undefined && !(known.isRecent && known.verified !== null)) {
      known.verified = verdict;
      known.isRecent = true;
    }
    return known?.verified ?? verdict;
  }
}

const keyOf = ({ network, payTo, identifier }: IdentifierKey) => `${network} ${payTo} ${identifier}`;

export function registered(terms: Reservation['terms']): Payment {
  const at = new Date(0);
  return {
    ...terms,
    state: terms.amount === 0n ? 'waived' : 'accepted',
    reason: null,
    detail: null,
    transaction: null,
    blockNumber: null,
    authorizationSpent: null,
    lastEventId: '0b0e1f4e-2c52-4c1c-9a3e-6a3d1b1f0001',
    acceptedAt: at,
    updatedAt: at,
  };
}
