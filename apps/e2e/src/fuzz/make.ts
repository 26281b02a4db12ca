import { type Cast, pick, usualDraft } from '../differential/draft.js';
import { acts } from '../differential/kinds/index.js';
import { partsOf } from '../differential/parts.js';
import type { SeededRandom } from '../random.js';
import { mutateBytes } from './mutate-bytes.js';
import { mutateJson } from './mutate-json.js';
import type { OpenApiRequests } from './openapi-requests.js';
import type { FuzzRequest } from './request.js';

const json = { 'content-type': 'application/json' };
const contentTypes = [
  'text/plain',
  'application/json; charset=utf-16',
  'application/json;',
  'multipart/form-data',
  'application/x-www-form-urlencoded',
  '',
  'application/problem+json',
  'APPLICATION/JSON',
];
const methods = ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'POST'];
const oversize = 200_000;
/** Of how many payments one goes to /settle. */
const settleShare = 4;

/** Makes requests of all sorts: payments changed in their data or as bytes, and what the OpenAPI documents describe. */
export class RequestMaker {
  constructor(
    private readonly cast: Cast,
    private readonly described: OpenApiRequests,
    private readonly random: SeededRandom,
  ) {}

  next(): FuzzRequest {
    const { random } = this;
    const sort = random.below(20);
    if (sort < 8) return this.#payment('payment, changed data', (body) => mutateJson(body, random));
    if (sort < 12) return this.#bytes();
    if (sort < 13) return this.#payment('payment as it should be', () => undefined);
    if (sort < 14) return this.#oddHttp();
    return this.described.next();
  }

  #payment(origin: string, change: (body: Record<string, unknown>) => void): FuzzRequest {
    const { random } = this;
    const cast = { ...this.cast, now: Math.floor(Date.now() / 1000) };
    const { scene } = pick(acts, random);
    const { body } = partsOf(usualDraft(scene, cast, random), cast, random);
    const own = JSON.parse(JSON.stringify(body)) as Record<string, unknown>;
    change(own);
    const path = random.below(settleShare) === 0 ? '/settle' : '/verify';
    return {
      target: 'facilitator',
      method: 'POST',
      path,
      headers: json,
      body: Buffer.from(JSON.stringify(own)),
      origin,
    };
  }

  #bytes(): FuzzRequest {
    const request = this.#payment('payment, changed bytes', () => undefined);
    return { ...request, body: mutateBytes(request.body, this.random) };
  }

  /** The request around the body. */
  #oddHttp(): FuzzRequest {
    const { random } = this;
    const request = this.#payment('odd HTTP', () => undefined);
    const changes: readonly (() => FuzzRequest)[] = [
      () => ({
        ...request,
        headers: { 'content-type': contentTypes[random.below(contentTypes.length)] ?? '' },
      }),
      () => ({ ...request, method: methods[random.below(methods.length)] ?? 'PUT' }),
      () => ({ ...request, path: `${request.path}?${'a=b&'.repeat(random.below(200))}` }),
      () => ({ ...request, path: `${request.path}/` }),
      () => ({ ...request, path: `/${'%00%ff'.repeat(random.below(20))}` }),
      () => ({ ...request, path: `//${request.path}` }),
      () => ({ ...request, body: Buffer.alloc(random.below(oversize), 0x20) }),
      () => ({ ...request, headers: { ...json, 'x-long': 'x'.repeat(random.below(12_000)) } }),
      () => ({ ...request, headers: { ...json, 'content-encoding': 'gzip' } }),
      () => ({ ...request, headers: { ...json, 'transfer-encoding': 'chunked' } }),
    ];
    return changes[random.below(changes.length)]?.() ?? request;
  }
}
