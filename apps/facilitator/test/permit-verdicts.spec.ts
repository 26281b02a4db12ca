import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { devPermit2, devTestDollar, devTokenAbi } from '@quittance/embedded';
import { type Address, encodeFunctionData, type Hex } from 'viem';

import {
  newSigner,
  networksWithFactory,
  permit2612,
  permitBody,
  type PermitWish,
  setCode,
  signedApproval,
  type Signer,
} from './methods.fixture.js';
import { expectRefusal, type RefusalRow as Row, routes } from './refusal.fixture.js';
import { type Ground, post, type Replica, startGround, startReplica } from './stack.fixture.js';

/** Everything a caller can get wrong with Permit2, upto, approvals and wallets, sent to both routes over HTTP. */
let ground: Ground;
let replica: Replica;
let payer: Signer;
let unapproved: Signer;

beforeAll(async () => {
  ground = await startGround();
  replica = await startReplica(ground, { settings: { NETWORKS: networksWithFactory(ground) } });
  [payer, unapproved] = [
    await newSigner(ground, 'an account'),
    await newSigner(ground, 'an account', { approves: false }),
  ];
}, 90_000);

afterAll(async () => {
  await replica.close();
  await ground.stop();
});

const now = () => Math.floor(Date.now() / 1_000);
const somebody: Address = '0x00000000000000000000000000000000000000b2';

const permit = (wish: PermitWish) => () => permitBody(payer, wish);
const upto = (wish: PermitWish = {}) => permit({ scheme: 'upto', ...wish });
const bent =
  (wish: PermitWish, bend: (body: Awaited<ReturnType<typeof permitBody>>) => unknown) => async () =>
    bend(structuredClone(await permitBody(payer, wish)));
const requirementsWith = (wish: PermitWish, fields: object) =>
  bent(wish, (body) => ({ ...body, paymentRequirements: { ...body.paymentRequirements, ...fields } }));
const signatureOf = (change: (signature: string) => string) =>
  bent({}, (body) => {
    body.paymentPayload.payload.signature = change(body.paymentPayload.payload.signature);
    return body;
  });
const sponsored = (changes: Record<string, string>) => async () =>
  permitBody(unapproved, { extensions: await permit2612(unapproved, changes) });
const approved = (wish: Parameters<typeof signedApproval>[1]) => async () =>
  permitBody(unapproved, { extensions: await signedApproval(unapproved, wish) });

const permits: readonly Row[] = [
  [
    'another spender',
    permit({ spender: somebody }),
    'invalid_permit2_spender',
    /spender 0x0{38}b2 .* through 0x4020/,
  ],
  [
    'another payee',
    permit({ to: somebody }),
    'invalid_permit2_recipient_mismatch',
    /pays 0x0{38}b2 .* ask for 0x3c44/,
  ],
  [
    'a deadline passed',
    permit({ deadline: `${now() - 1}` }),
    'permit2_deadline_expired',
    /ends at \d+ .* until \d+/,
  ],
  ['one about to pass', permit({ deadline: `${now() + 3}` }), 'permit2_deadline_expired', /deadline/],
  ['a later beginning', permit({ validAfter: `${now() + 60}` }), 'permit2_not_yet_valid', /begins at \d+/],
  [
    'another amount',
    requirementsWith({}, { amount: '9999' }),
    'permit2_amount_mismatch',
    /10000 .* exactly 9999/,
  ],
  [
    'another token',
    permit({ token: devTestDollar.address }),
    'permit2_token_mismatch',
    /token 0x5000.* ask for 0x036c/,
  ],
  [
    'somebody else’s signature',
    async () => {
      const body = await permitBody(payer);
      const other = await permitBody(unapproved);
      const { payload } = body.paymentPayload;
      return {
        ...body,
        paymentPayload: {
          ...body.paymentPayload,
          payload: { ...payload, signature: other.paymentPayload.payload.signature },
        },
      };
    },
    'invalid_permit2_signature',
    /not by the payer/,
  ],
  ['a cut-off signature', signatureOf((text) => text.slice(0, -2)), 'invalid_permit2_signature', /truncated/],
  [
    'no approval',
    () => permitBody(unapproved),
    'permit2_allowance_required',
    /lets Permit2 take 0 .* needs 10000/,
  ],
  [
    'more than the payer has',
    permit({ value: '1000001' }),
    'permit2_insufficient_balance',
    /holds 1000000 .* needs 1000001/,
  ],
  [
    'another scheme in the payload',
    bent({}, (body) => ({
      ...body,
      paymentPayload: {
        ...body.paymentPayload,
        accepted: { ...body.paymentPayload.accepted, scheme: 'upto' },
      },
    })),
    'invalid_scheme',
    /"upto" .* "exact"/,
  ],
  [
    'EIP-3009 asked for',
    requirementsWith({}, { extra: { name: 'USDC', version: '2', assetTransferMethod: 'eip3009' } }),
    'unsupported_payload_type',
    /permit2.*eip3009/,
  ],
];

const uptos: readonly Row[] = [
  [
    'another facilitator',
    upto({ facilitator: somebody }),
    'upto_facilitator_mismatch',
    /facilitator 0x0{38}b2/,
  ],
  [
    'another scheme in the payload',
    bent({ scheme: 'upto' }, (body) => ({
      ...body,
      paymentPayload: {
        ...body.paymentPayload,
        accepted: { ...body.paymentPayload.accepted, scheme: 'exact' },
      },
    })),
    'invalid_upto_evm_scheme',
    /"exact" .* "upto"/,
  ],
  [
    'another network in the payload',
    bent({ scheme: 'upto' }, (body) => ({
      ...body,
      paymentPayload: {
        ...body.paymentPayload,
        accepted: { ...body.paymentPayload.accepted, network: 'eip155:1' },
      },
    })),
    'invalid_upto_evm_network_mismatch',
    /eip155:1 .* eip155:84532/,
  ],
  ['the spender of exact', upto({ spender: devPermit2.exactProxy }), 'invalid_permit2_spender', /"upto"/],
];

const approvals: readonly Row[] = [
  ['a permit of another', sponsored({ from: somebody }), 'eip2612_from_mismatch', /b2 .* payer is/],
  ['a permit for another token', sponsored({ asset: somebody }), 'eip2612_asset_mismatch', /b2 .* in 0x036c/],
  [
    'a permit to another',
    sponsored({ spender: somebody }),
    'eip2612_spender_not_permit2',
    /b2; expected Permit2/,
  ],
  ['a permit that ends', sponsored({ deadline: `${now() + 3}` }), 'eip2612_deadline_expired', /deadline/],
  [
    'a permit over less',
    sponsored({ amount: '9999' }),
    'permit2_2612_amount_mismatch',
    /9999; expected 10000/,
  ],
  [
    'a permit that is no permit',
    sponsored({ signature: `0x${'11'.repeat(65)}` }),
    'permit2_allowance_required',
    /./,
  ],
  [
    'a permit with a number for text',
    sponsored({ version: 'two' }),
    'invalid_eip2612_extension_format',
    /version/,
  ],
  [
    'an approval by another',
    approved({ info: { from: somebody } }),
    'erc20_approval_from_mismatch',
    /b2 .* payer is/,
  ],
  [
    'an approval of another token',
    approved({ info: { asset: somebody } }),
    'erc20_approval_asset_mismatch',
    /b2/,
  ],
  [
    'an approval to another',
    approved({ info: { spender: somebody } }),
    'erc20_approval_spender_not_permit2',
    /b2/,
  ],
  [
    'an approval elsewhere',
    approved({ to: devTestDollar.address }),
    'erc20_approval_tx_wrong_target',
    /0x5000/,
  ],
  [
    'another call',
    approved({ data: '0xa9059cbb' }),
    'erc20_approval_tx_wrong_selector',
    /does not call approve/,
  ],
  [
    'an approval in fact to another',
    approved({
      data: encodeFunctionData({
        abi: devTokenAbi,
        functionName: 'approve',
        args: [somebody, 2n ** 256n - 1n],
      }),
    }),
    'erc20_approval_tx_wrong_spender',
    /b2/,
  ],
  ['an approval cut off', approved({ data: '0x095ea7b300' }), 'erc20_approval_tx_invalid_calldata', /./],
  [
    'an approval signed by another',
    async () => permitBody(unapproved, { extensions: await signedApproval(unapproved, { by: payer }) }),
    'erc20_approval_tx_signer_mismatch',
    /signed by/,
  ],
  [
    'an approval that is no transaction',
    approved({ info: { signedTransaction: '0x02c0' } }),
    'erc20_approval_tx_parse_failed',
    /./,
  ],
  [
    'an approval of no version',
    approved({ info: { version: '' } }),
    'invalid_erc20_approval_extension_format',
    /version/,
  ],
];

describe.each(routes)('POST %s', (route) => {
  it.each(permits)('answers a permit with %s', async (...row) => {
    await expectRefusal(replica, route, row);
  });

  it.each(uptos)('answers upto with %s', async (...row) => {
    await expectRefusal(replica, route, row);
  });

  it.each(approvals)('answers %s', async (...row) => {
    await expectRefusal(replica, route, row);
  });
});

describe('what is asked for of a permit by upto', () => {
  it('is the whole to verify it, and at most that to settle it', async () => {
    const less = requirementsWith({ scheme: 'upto' }, { amount: '9999' });
    await expect(post(replica, '/verify', await less())).resolves.toMatchObject({
      body: { invalidReason: 'permit2_amount_mismatch' },
    });
    const more = requirementsWith({ scheme: 'upto' }, { amount: '10001' });
    await expect(post(replica, '/settle', await more())).resolves.toMatchObject({
      body: { errorReason: 'invalid_upto_evm_payload_settlement_exceeds_amount' },
    });
  });

  it('is nothing only by upto, and only to settle it', async () => {
    for (const [route, wish] of [
      ['/verify', { scheme: 'upto' }],
      ['/verify', {}],
      ['/settle', {}],
    ] as const) {
      const { status, body } = await post(replica, route, await requirementsWith(wish, { amount: '0' })());
      expect([status, body['invalidReason'] ?? body['errorReason']]).toEqual([
        400,
        'invalid_payment_requirements',
      ]);
    }
  });
});

describe('a chain without the proxies', () => {
  it('settles nothing by Permit2', async () => {
    const code = await codeOf(devPermit2.exactProxy);
    await setCode(ground, devPermit2.exactProxy, '0x');
    try {
      await expect(post(replica, '/verify', await permitBody(payer))).resolves.toMatchObject({
        body: { invalidReason: 'permit2_proxy_not_deployed' },
      });
    } finally {
      await setCode(ground, devPermit2.exactProxy, code);
    }
  });
});

async function codeOf(address: Address): Promise<Hex> {
  const response = await fetch(ground.anvil.rpcUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_getCode', params: [address, 'latest'] }),
  });
  return ((await response.json()) as { result: Hex }).result;
}
