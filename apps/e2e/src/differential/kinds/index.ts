import type { Kind, Scene, SignerKind, SponsoringKind } from '../draft.js';
import { authorizations } from './authorizations.js';
import { domains } from './domains.js';
import { drafted } from './kind.js';
import { permitFields } from './permit-fields.js';
import { facilitators, methods, permitTerms, transferMethods } from './permits.js';
import { bodies, requirements } from './requests.js';
import { signatures, unmadeSignatures, walletSignatures } from './signatures.js';
import { approvals, permits2612 } from './sponsorings.js';
import { allowances, codes, delegates, money, times } from './terms.js';

/** What can be unusual about a kind of payment. */
export type Act = { readonly scene: Scene; readonly kinds: readonly Kind[] };

const usual: readonly Kind[] = [{ name: 'nothing unusual' }];
const versions: readonly Kind[] = [
  drafted('version 1', (draft) => void (draft.x402Version = 1)),
  drafted('version 2', (draft) => void (draft.x402Version = 2)),
];

const signerNames: Readonly<Record<SignerKind, string>> = {
  account: 'an account',
  delegating: 'an account with a delegate (EIP-7702)',
  wallet: 'a deployed wallet (ERC-1271)',
  unmade: 'a wallet to be made (ERC-6492)',
};
const sponsoringNames: Readonly<Record<SponsoringKind, string>> = {
  none: '',
  eip2612: ' with an EIP-2612 permit',
  approval: ' with a signed approval',
};
const signaturesOf: Readonly<Record<SignerKind, readonly Kind[]>> = {
  account: [...signatures, ...codes],
  delegating: [...signatures, ...delegates],
  wallet: walletSignatures,
  unmade: unmadeSignatures,
};

type SceneTerms = Pick<Scene, 'scheme' | 'method' | 'signer'> & Partial<Scene>;

function sceneOf(terms: SceneTerms): Scene {
  const scene = { isFactoryKnown: true, sponsoring: 'none', ...terms } as const;
  const method = scene.method === 'eip3009' ? 'EIP-3009' : 'Permit2';
  const unknown = scene.isFactoryKnown ? '' : ' by a factory that nobody knows';
  const name = `${scene.scheme} by ${method}${sponsoringNames[scene.sponsoring]}, of ${signerNames[scene.signer]}${unknown}`;
  return { ...scene, name };
}

const twice = (kinds: readonly Kind[]): Kind[] => [...kinds, ...kinds];

const transfers: readonly Act[] = [
  {
    scene: sceneOf({ scheme: 'exact', method: 'eip3009', signer: 'account' }),
    kinds: [
      ...twice(usual),
      ...versions,
      ...times,
      ...money,
      ...domains,
      ...transferMethods,
      ...signaturesOf.account,
      ...authorizations,
      ...requirements,
      ...bodies,
    ],
  },
  ...(['delegating', 'wallet', 'unmade'] as const).map((signer): Act => ({
    scene: sceneOf({ scheme: 'exact', method: 'eip3009', signer }),
    kinds: [
      ...twice(usual),
      ...versions,
      ...times,
      ...money,
      ...domains.slice(0, 4),
      ...signaturesOf[signer],
    ],
  })),
  {
    scene: sceneOf({ scheme: 'exact', method: 'eip3009', signer: 'unmade', isFactoryKnown: false }),
    kinds: [...usual, ...versions, ...times, ...money],
  },
];

function permitsBy(scheme: Scene['scheme']): Act[] {
  const terms = [...times, ...money, ...permitTerms, ...(scheme === 'upto' ? facilitators : [])];
  const act = (more: Partial<Scene> & { readonly signer: SignerKind }, kinds: readonly Kind[]): Act => ({
    scene: sceneOf({ scheme, method: 'permit2', ...more }),
    kinds: [...twice(usual), ...kinds],
  });
  return [
    act({ signer: 'account' }, [
      ...versions,
      ...terms,
      ...allowances,
      ...methods,
      ...signaturesOf.account,
      ...permitFields(scheme),
      ...requirements,
      ...bodies,
    ]),
    ...(['delegating', 'wallet', 'unmade'] as const).map((signer) =>
      act({ signer }, [...terms, ...allowances, ...signaturesOf[signer]]),
    ),
    act({ signer: 'unmade', isFactoryKnown: false }, [...times]),
    act({ signer: 'account', sponsoring: 'eip2612' }, [...terms, ...permits2612]),
    act({ signer: 'account', sponsoring: 'approval' }, [...terms, ...approvals]),
    act({ signer: 'delegating', sponsoring: 'eip2612' }, permits2612.filter(isSigned)),
    act({ signer: 'wallet', sponsoring: 'eip2612' }, permits2612.filter(isSigned)),
    act({ signer: 'unmade', sponsoring: 'eip2612' }, permits2612.filter(isSigned)),
    act({ signer: 'delegating', sponsoring: 'approval' }, approvals.filter(isSigned)),
  ];
}

/** What changes the form of an extension is the same whoever sends it. */
const isSigned = ({ draft }: Kind): boolean => draft !== undefined;

/** Every kind of payment, with everything that can be unusual about it. */
export const acts: readonly Act[] = [...transfers, ...permitsBy('exact'), ...permitsBy('upto')];
