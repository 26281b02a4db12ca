import type { SeededRandom } from '../random.js';
import { type Cast, type Draft, type Json, type Parts, proxyOf } from './draft.js';
import { signed } from './sign.js';
import { sponsoringOf } from './sponsor.js';

const networkName = 'base-sepolia';

/** Signs a draft and puts it in the form of its version. */
export function partsOf(draft: Draft, cast: Cast, random: SeededRandom): Parts {
  const { x402Version, token, payTo, amount, scene } = draft;
  const isPermit = scene.method === 'permit2';
  const authorization = isPermit ? permitOf(draft, cast) : { ...draft.authorization };
  const payload: Json = {
    signature: signed(draft, cast, random),
    [isPermit ? 'permit2Authorization' : 'authorization']: authorization,
  };
  const { scheme } = scene;
  const extra = extraOf(draft, cast);
  const common = { scheme, asset: token.address, payTo, maxTimeoutSeconds: 300, extra };
  if (x402Version === 1) {
    const paymentPayload: Json = { x402Version, scheme, network: networkName, payload };
    const requirements: Json = {
      ...common,
      network: networkName,
      maxAmountRequired: amount,
      resource: 'https://shop.example/weather',
      description: '',
      mimeType: '',
    };
    const body: Json = { x402Version, paymentPayload, paymentRequirements: requirements };
    return {
      body,
      paymentPayload,
      requirements,
      accepted: undefined,
      payload,
      authorization,
      info: {},
      draft,
    };
  }
  const requirements: Json = { ...common, network: `eip155:${cast.chainId}`, amount };
  const accepted: Json = { ...requirements, extra: { ...extra } };
  const sponsoring = sponsoringOf(draft, cast);
  const extensions =
    sponsoring === null ? {} : { extensions: { [sponsoring.key]: { info: sponsoring.info, schema: {} } } };
  const paymentPayload: Json = {
    x402Version,
    resource: { url: 'https://shop.example/weather' },
    accepted,
    payload,
    ...extensions,
  };
  const body: Json = { x402Version, paymentPayload, paymentRequirements: requirements };
  const info = sponsoring?.info ?? {};
  return { body, paymentPayload, requirements, accepted, payload, authorization, info, draft };
}

function extraOf({ token, scene }: Draft, { relayer }: Cast): Json {
  return {
    name: token.name,
    version: token.version,
    ...(scene.method === 'permit2' ? { assetTransferMethod: 'permit2' } : {}),
    ...(scene.scheme === 'upto' ? { facilitatorAddress: relayer } : {}),
  };
}

function permitOf({ authorization, permit, token, scene }: Draft, { relayer }: Cast): Json {
  const { from, to, value, validAfter, validBefore, nonce } = authorization;
  const named = scene.scheme === 'upto' ? { facilitator: permit.facilitator ?? relayer } : {};
  return {
    from,
    permitted: { token: permit.token ?? token.address, amount: value },
    spender: permit.spender ?? proxyOf(scene.scheme),
    nonce: String(BigInt(nonce)),
    deadline: validBefore,
    witness: { to, ...named, validAfter },
  };
}
