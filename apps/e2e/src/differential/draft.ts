import { devPermit2, devTestDollar, type DevToken, devUsdc, type DevWallet } from '@quittance/embedded';

import type { Permit2612Terms, Permit2Domain } from '../quick-permit.js';
import type { SigningDomain } from '../quick-signer.js';
import type { SeededRandom } from '../random.js';

export type Json = Record<string, unknown>;

/** Who can pay: a key; one whose account has a delegate (EIP-7702); a wallet that is deployed; one that is not. */
export type SignerKind = 'account' | 'delegating' | 'wallet' | 'unmade';

export type TestPayer = {
  readonly kind: SignerKind;
  readonly address: string;
  /** The account's own, or that of the wallet's owner. */
  readonly key: Buffer;
  readonly wallet: DevWallet | null;
};

/** Payers of one kind, and what each of them is there for. */
export type Troupe = {
  /** Have money, and Permit2 may take all of it. */
  readonly payers: readonly TestPayer[];
  /** Have money, and never heard of Permit2. */
  readonly newcomers: readonly TestPayer[];
  /** Has money, of which Permit2 may take 5 atomic units. */
  readonly frugal: TestPayer;
  /** Has 5 atomic units. */
  readonly pauper: TestPayer;
  /** Has money, and the token's issuer does not let him pay. */
  readonly outcast: TestPayer;
};

/** Who and what there is on the chain that payments can be made with. */
export type Cast = {
  readonly chainId: number;
  /** Unix seconds. */
  readonly now: number;
  readonly troupes: Readonly<Record<SignerKind, Troupe>>;
  /** Has a key, money, and code of no use. */
  readonly contract: TestPayer;
  /** Has a key, money, and a delegate that knows another key. */
  readonly misled: TestPayer;
  /** Nonces that the first payer and the first newcomer of each troupe have used, in tokens and in Permit2. */
  readonly usedNonces: readonly string[];
  /** Settles, and signs nothing. */
  readonly relayer: string;
};

/** What a payer who has not approved Permit2 sends along. */
export type SponsoringKind = 'none' | 'eip2612' | 'approval';

/** A kind of payment: what it is paid by, and who pays. */
export type Scene = {
  readonly name: string;
  readonly scheme: 'exact' | 'upto';
  readonly method: 'eip3009' | 'permit2';
  readonly signer: SignerKind;
  /** Of a wallet that is not deployed: whether its factory is on the lists of both facilitators. */
  readonly isFactoryKnown: boolean;
  readonly sponsoring: SponsoringKind;
};

/** An approval of Permit2 as a transaction. */
export type ApprovalTerms = {
  readonly to: string | null;
  readonly data: string;
  readonly value: bigint;
  readonly chainId: number;
  readonly nonce: number;
  readonly gas: bigint;
  readonly type: 'eip1559' | 'eip2930' | 'legacy' | 'legacy of any chain';
  readonly key: Buffer;
};

/** What a payment will be made of, before it is signed. */
export type Draft = {
  readonly scene: Scene;
  x402Version: 1 | 2;
  payer: TestPayer;
  token: DevToken;
  /** The token's, as signed. */
  domain: SigningDomain;
  payTo: string;
  amount: string;
  /** What is signed, in the words of EIP-3009: a permit's deadline is its validBefore. */
  authorization: {
    from: string;
    to: string;
    value: string;
    validAfter: string;
    validBefore: string;
    nonce: string;
  };
  /** What a permit has besides; left out: as it should be. */
  permit: {
    domain?: Permit2Domain;
    token?: string;
    spender?: string;
    facilitator?: string;
    /** Signed with the witness of the other scheme. */
    isOfOtherScheme?: boolean;
  };
  /** How the payer's signature is given. */
  signing: {
    /** Of a wallet: 65 bytes, or in the longer form. */
    form: 'bare' | 'wrapped';
    /** The wallet that the owner's signature is bound to; null: none. */
    boundTo?: string | null;
    /** Changes the 65 bytes before they are put in any form. */
    change?: (signature: string, random: SeededRandom) => string;
    /** The index of the owner in the wrapped form. */
    ownerIndex?: bigint;
    /** The ERC-6492 wrapping; left out: where the payer is not deployed. */
    wrapping?: { factory?: string; data?: string } | 'none';
  };
  sponsoring: SponsoringKind;
  /** What is signed where it is not as it should be. */
  permit2612: Partial<Permit2612Terms & SigningDomain> & { key?: Buffer };
  approval: { -readonly [Term in keyof ApprovalTerms]?: ApprovalTerms[Term] };
};

export type Made = { readonly scene: Scene; readonly body: Json; readonly kinds: readonly string[] };

/** One thing about a payment that is not as usual. */
export type Kind = {
  readonly name: string;
  /** What it sets: of two that set the same, the second would undo the first. */
  readonly sets?: string;
  /** Changes what is signed. */
  readonly draft?: (draft: Draft, cast: Cast, random: SeededRandom) => void;
  /** Changes what is sent. */
  readonly body?: (parts: Parts, random: SeededRandom) => void;
};

/** The body and what is in it, wherever its version has that. */
export type Parts = {
  readonly body: Json;
  readonly paymentPayload: Json;
  readonly requirements: Json;
  /** Of version 2: the payload's copy of the requirements. */
  readonly accepted: Json | undefined;
  readonly payload: Json;
  /** What was signed. */
  readonly authorization: Json;
  /** What the extension says that comes with it. */
  readonly info: Json;
  readonly draft: Draft;
};

const sellers = 5;
/** A run may take that long. */
const validForS = 7_200;

/** The payers of a scene: whoever sends a permit or an approval along has not approved before. */
export function payersOf({ signer, sponsoring }: Scene, { troupes }: Cast): readonly TestPayer[] {
  return sponsoring === 'none' ? troupes[signer].payers : troupes[signer].newcomers;
}

/** A key that is not the payer's. */
export function anotherKey({ scene, payer }: Draft, cast: Cast, random: SeededRandom): Buffer {
  const others = payersOf(scene, cast).filter(({ key }) => !key.equals(payer.key));
  return pick(others, random).key;
}

export function usualDraft(scene: Scene, cast: Cast, random: SeededRandom): Draft {
  const payer = pick(payersOf(scene, cast), random);
  const token = random.below(5) === 0 ? devTestDollar : devUsdc;
  const payTo = `0x${(0xbeef00 + random.below(sellers)).toString(16).padStart(40, '0')}`;
  const amount = String(1 + random.below(100_000));
  return {
    scene,
    x402Version: scene.method === 'eip3009' && random.below(3) === 0 ? 1 : 2,
    payer,
    token,
    domain: domainOf(token, cast.chainId),
    payTo,
    amount,
    authorization: {
      from: payer.address,
      to: payTo,
      value: amount,
      validAfter: random.below(2) === 0 ? '0' : String(cast.now - 600),
      validBefore: String(cast.now + validForS + random.below(600)),
      nonce: randomHex(32, random),
    },
    permit: {},
    signing: {
      form: random.below(2) === 0 ? 'bare' : 'wrapped',
      ...(scene.isFactoryKnown ? {} : { wrapping: { factory: randomHex(20, random) } }),
    },
    sponsoring: scene.sponsoring,
    permit2612: {},
    approval: {},
  };
}

export function domainOf({ name, version, address }: DevToken, chainId: number): SigningDomain {
  return { name, version, chainId, verifyingContract: address };
}

/** The contract that settles a scheme's permits. */
export function proxyOf(scheme: Scene['scheme']): string {
  return scheme === 'upto' ? devPermit2.uptoProxy : devPermit2.exactProxy;
}

export function pick<Item>(items: readonly Item[], random: SeededRandom): Item {
  const item = items[random.below(items.length)];
  if (item === undefined) throw new RangeError('nothing to pick from');
  return item;
}

export function randomHex(bytes: number, random: SeededRandom): string {
  return `0x${Array.from({ length: bytes }, () => random.below(256).toString(16).padStart(2, '0')).join('')}`;
}
