import { existsSync, readFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { devPermit2, devTokenAbi, devUsdc, devWalletOf, devWallets } from '@quittance/embedded';
import { type ReasonCode, reasons } from '@quittance/protocol';
import {
  type Address,
  encodeFunctionData,
  type Hex,
  serializeTransaction,
  type TransactionSerializableEIP1559,
  zeroAddress,
} from 'viem';

import {
  newSigner,
  permitBody,
  sendAs,
  setCode,
  signedApproval,
  type Signer,
  transferBody,
} from './methods.fixture.js';
import { asV1, paymentBody } from './payment.fixture.js';
import { expectRefusal, type RefusalRow as Row, routes } from './refusal.fixture.js';
import {
  type Ground,
  networkSetting,
  post,
  type Replica,
  startGround,
  startReplica,
} from './stack.fixture.js';

/** Reasons that need more than a wrong request; and for every reason of the vocabulary, where a test comes to it. */
let ground: Ground;
let replica: Replica;
let payer: Signer;
let unapproved: Signer;
let outcast: Signer;

const somebody: Address = '0x00000000000000000000000000000000000000b2';
const noContract: Address = '0x00000000000000000000000000000000000000d1';
/** Takes any call and answers nothing. */
const noToken: Address = '0x00000000000000000000000000000000000000d2';

beforeAll(async () => {
  ground = await startGround();
  await setCode(ground, noToken, '0x00');
  const network = networkSetting(ground.anvil.rpcUrl);
  const [usdc] = network.assets;
  const assets = [
    usdc,
    ...[noContract, noToken].map((address) => ({ ...usdc, address, symbol: address.slice(-2) })),
  ];
  const settings = { NETWORKS: JSON.stringify([{ ...network, assets, factories: [devWallets.factory] }]) };
  replica = await startReplica(ground, { settings });
  payer = await newSigner(ground, 'an account');
  unapproved = await newSigner(ground, 'an account', { approves: false });
  outcast = await newSigner(ground, 'an account');
  const data = encodeFunctionData({ abi: devTokenAbi, functionName: 'blacklist', args: [outcast.address] });
  await sendAs(ground, somebody, { to: devUsdc.address, data });
}, 90_000);

afterAll(async () => {
  await replica.close();
  await ground.stop();
});

const inAsset = (asset: Address) => () =>
  paymentBody(payer.account, { domain: { verifyingContract: asset }, requirements: { asset } });

const inDomain = (domain: { readonly name: string; readonly version: string }) => () =>
  paymentBody(payer.account, { domain, requirements: { extra: domain } });

/** Somebody's approval, with what is changed in it after he signed. */
const approvalWith = (changes: Partial<TransactionSerializableEIP1559>, r?: Hex) => async () => {
  const max = 2n ** 256n - 1n;
  const data = encodeFunctionData({
    abi: devTokenAbi,
    functionName: 'approve',
    args: [devPermit2.permit2, max],
  });
  const transaction: TransactionSerializableEIP1559 = {
    type: 'eip1559',
    chainId: 84_532,
    nonce: 0,
    to: devUsdc.address,
    data,
    gas: 70_000n,
    maxFeePerGas: 10n ** 9n,
    maxPriorityFeePerGas: 10n ** 8n,
    ...changes,
  };
  const signedTransaction =
    r === undefined
      ? await unapproved.account.signTransaction(transaction)
      : serializeTransaction(transaction, { r, s: `0x${'11'.repeat(32)}`, yParity: 0 });
  return permitBody(unapproved, {
    extensions: await signedApproval(unapproved, { info: { signedTransaction } }),
  });
};

const rows: readonly Row[] = [
  ['an asset that is no contract', inAsset(noContract), 'asset_not_deployed_contract', /no contract at .*d1/],
  [
    'an asset that knows no authorizations',
    inAsset(noToken),
    'invalid_exact_evm_eip3009_not_supported',
    /d2 does not answer authorizationState/,
  ],
  [
    'another name than the token’s, signed',
    inDomain({ name: 'USD Coin', version: '2' }),
    'invalid_exact_evm_token_name_mismatch',
    /"USD Coin" .* "USDC"/,
  ],
  [
    'another version than the token’s, signed',
    inDomain({ name: 'USDC', version: '1' }),
    'invalid_exact_evm_token_version_mismatch',
    /"1" .* "2"/,
  ],
  [
    'a wallet whose factory does not deploy it',
    async () => {
      const wallet = await newSigner(ground, 'a wallet to be deployed', { approves: false });
      const { factoryData } = devWalletOf(wallet.account.address);
      const garbled = `deadbeef${factoryData.slice(10)}`;
      const sign: Signer['sign'] = async (data) =>
        (await wallet.sign(data)).replace(factoryData.slice(2), garbled) as Hex;
      return transferBody({ ...wallet, sign });
    },
    'smart_wallet_deployment_failed',
    /^Deploying the payer's wallet .* reverted/,
  ],
  [
    'a permit of a payer whom the token does not serve',
    () => permitBody(outcast),
    'permit2_simulation_failed',
    /tried on block \d+ .* reverted with/,
  ],
  [
    'a permit for nobody',
    async () => {
      const body = await permitBody(payer, { to: zeroAddress });
      const paymentRequirements = { ...body.paymentRequirements, payTo: zeroAddress };
      return { ...body, paymentRequirements };
    },
    'permit2_invalid_destination',
    /InvalidDestination/,
  ],
  [
    'an approval that no key signed',
    approvalWith({}, `0x${'00'.repeat(32)}`),
    'erc20_approval_tx_invalid_signature',
    /no key/,
  ],
  [
    'an approval that may take much gas',
    approvalWith({ gas: 150_001n }),
    'erc20_approval_tx_too_expensive',
    /150001; expected at most 150000/,
  ],
];

describe.each(routes)('POST %s', (route) => {
  it.each(rows)('answers %s', async (...row) => {
    await expectRefusal(replica, route, row);
  });

  it('says in x402 v1 that a transfer would revert', async () => {
    const { body } = await post(replica, route, asV1(await transferBody(outcast)));
    expect(body['invalidReason'] ?? body['errorReason']).toBe('invalid_transaction_state');
  });
});

const facilitator = (name: string) => `apps/facilitator/${name}.spec.ts`;
const settlement = (name: string) => `apps/settlement/${name}.spec.ts`;
const here = facilitator('test/reasons');
const verdicts = facilitator('test/verdicts');
const wallets = facilitator('test/wallet-verdicts');
const permits = facilitator('test/permit-verdicts');
const identifiers = facilitator('test/payment-identifier');
const approvals = settlement('test/approvals');
/** Its rule is held by a test of its own, and no request comes so far: why. */
const never = (why: string, spec?: string) => ({ why, spec });
const permitRules = 'libs/schemes/exact-evm/src/permit2-judgment.spec.ts';

type Reached = string | ReturnType<typeof never>;

const reachedIn: Readonly<Record<ReasonCode, Reached>> = {
  insufficient_funds: verdicts,
  invalid_exact_evm_payload_authorization_valid_after: verdicts,
  invalid_exact_evm_payload_authorization_valid_before: verdicts,
  invalid_exact_evm_payload_authorization_value_mismatch: verdicts,
  invalid_exact_evm_payload_signature: verdicts,
  invalid_exact_evm_payload_recipient_mismatch: verdicts,
  invalid_exact_evm_payload_undeployed_smart_wallet: wallets,
  invalid_network: verdicts,
  invalid_payload: verdicts,
  invalid_payment_requirements: verdicts,
  invalid_payment: facilitator('test/good-payment'),
  invalid_scheme: verdicts,
  unsupported_scheme: verdicts,
  invalid_x402_version: verdicts,
  invalid_transaction_state: here,
  unexpected_verify_error: never('a fault is no verdict: it is a 503, or a 500 for a defect of ours'),
  unexpected_settle_error: facilitator('src/settle/settle'),
  payment_expired: settlement('test/overdue'),
  duplicate_settlement: never('whoever asks again for the same payment gets its outcome'),

  settlement_pending: facilitator('test/pending'),
  asset_not_deployed_contract: here,
  invalid_exact_evm_network_mismatch: verdicts,
  invalid_exact_evm_missing_eip712_domain: verdicts,
  invalid_exact_evm_nonce_already_used: identifiers,
  invalid_exact_evm_token_name_mismatch: here,
  invalid_exact_evm_token_version_mismatch: here,
  invalid_exact_evm_eip3009_not_supported: here,
  invalid_exact_evm_transaction_simulation_failed: wallets,
  invalid_exact_evm_transaction_failed: settlement('src/attempt/estimate'),
  invalid_exact_evm_transfer_event_mismatch: never(
    'a transaction that did not move the money has not settled the payment, which is tried again',
  ),
  invalid_exact_evm_failed_to_parse_signature: wallets,
  eip6492_factory_not_allowed: wallets,
  smart_wallet_deployment_failed: here,
  unsupported_payload_type: verdicts,

  invalid_permit2_spender: permits,
  invalid_permit2_recipient_mismatch: permits,
  permit2_deadline_expired: permits,
  permit2_not_yet_valid: permits,
  permit2_amount_mismatch: permits,
  permit2_token_mismatch: permits,
  invalid_permit2_signature: permits,
  permit2_allowance_required: permits,
  permit2_simulation_failed: here,
  permit2_insufficient_balance: permits,
  permit2_proxy_not_deployed: permits,
  permit2_invalid_amount: never('0 is refused before, and so is more than was permitted', permitRules),
  permit2_invalid_destination: here,
  permit2_invalid_owner: never('nobody can sign for the address 0', permitRules),
  permit2_payment_too_early: never('permit2_not_yet_valid is said before', permitRules),
  permit2_invalid_nonce: facilitator('test/methods'),
  permit2_2612_amount_mismatch: permits,

  invalid_erc20_approval_extension_format: permits,
  erc20_approval_from_mismatch: permits,
  erc20_approval_asset_mismatch: permits,
  erc20_approval_spender_not_permit2: permits,
  erc20_approval_tx_wrong_target: permits,
  erc20_approval_tx_wrong_selector: permits,
  erc20_approval_tx_wrong_spender: permits,
  erc20_approval_tx_invalid_calldata: permits,
  erc20_approval_tx_signer_mismatch: permits,
  erc20_approval_tx_invalid_signature: here,
  erc20_approval_tx_parse_failed: permits,
  erc20_approval_tx_failed: approvals,
  erc20_approval_broadcast_failed: approvals,
  invalid_eip2612_extension_format: permits,
  eip2612_from_mismatch: permits,
  eip2612_asset_mismatch: permits,
  eip2612_spender_not_permit2: permits,
  eip2612_deadline_expired: permits,

  invalid_upto_evm_scheme: permits,
  invalid_upto_evm_network_mismatch: permits,
  invalid_upto_evm_payload_settlement_exceeds_amount: permits,
  invalid_upto_evm_transaction_failed: settlement('src/attempt/hindrance'),
  upto_amount_exceeds_permitted: never(
    'invalid_upto_evm_payload_settlement_exceeds_amount is said before',
    permitRules,
  ),
  upto_unauthorized_facilitator: never('it is tried as sent by the facilitator that it names', permitRules),
  upto_facilitator_mismatch: permits,

  invalid_json: verdicts,
  payload_too_large: verdicts,
  unsupported_asset: verdicts,
  erc20_approval_tx_too_expensive: here,
  invalid_payment_identifier: identifiers,
  payment_identifier_required: identifiers,
  payment_identifier_conflict: identifiers,
  authorization_conflict: facilitator('test/settling'),
};

describe('every reason of the vocabulary', () => {
  const root = new URL('../../../', import.meta.url);
  const nameOf = (code: string) => new RegExp(`['"\`]${code}['"\`]`);

  it('has its place here', () => {
    expect(Object.keys(reachedIn).sort()).toEqual(Object.keys(reasons).sort());
  });

  it.each(Object.entries(reachedIn))('%s is where a test says so', (code, reached) => {
    const spec = typeof reached === 'string' ? reached : reached.spec;
    if (typeof reached !== 'string') expect(reached.why).toMatch(/\w/);
    if (spec === undefined) return;
    const file = new URL(spec, root);
    expect(existsSync(file)).toBe(true);
    // This table does not speak for itself.
    const [text = ''] = readFileSync(file, 'utf8').split('const reachedIn');
    expect(text).toMatch(nameOf(code));
  });
});
