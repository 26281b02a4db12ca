import type { FuzzAnswer, FuzzRequest } from './request.js';

const tookMaxMs = 15_000;
const shownMax = 200;
const saidMax = 60;
const notFromServer = /^not sent/;
const paymentPaths: ReadonlySet<string> = new Set(['/verify', '/settle']);

type Body = Readonly<Record<string, unknown>>;

/** What is wrong about an answer, whatever was asked; undefined when nothing is. */
export function problemWith(request: FuzzRequest, answer: FuzzAnswer | string): string | undefined {
  if (typeof answer === 'string') return notFromServer.test(answer) ? undefined : answer;
  const { status, text, tookMs, stalledMs } = answer;
  if (tookMs - stalledMs > tookMaxMs) return `an answer after ${Math.round(tookMs)} ms`;
  if (status >= 500 && status !== 503) return `status ${status}: ${shown(text)}`;
  if (request.method === 'HEAD' || (status < 400 && !isOfPayment(request))) return undefined;
  return problemWithForm(request, answer);
}

function problemWithForm(request: FuzzRequest, answer: FuzzAnswer): string | undefined {
  const { status, text } = answer;
  const body = isJson(answer) ? jsonOf(text) : undefined;
  if (body === undefined) return `no JSON: ${shown(text)}`;
  const isRight =
    status === 503 ? isFault(body, answer) || isReadiness(body) : isRefusalOrVerdict(body, request);
  return isRight ? undefined : `status ${status} with the wrong form: ${shown(text)}`;
}

function isOfPayment({ method, path }: FuzzRequest): boolean {
  return method === 'POST' && paymentPaths.has(path.split('?')[0] ?? '');
}

function isJson({ headers }: FuzzAnswer): boolean {
  const type = headers['content-type'];
  return typeof type === 'string' && type.includes('json');
}

/** Readiness is told by checks, and needs no time to come again: whoever asks for it asks all the time. */
function isReadiness(body: Body): boolean {
  return body['status'] === 'unavailable' && typeof body['checks'] === 'object';
}

/** Something that we depend on is down, or there is too much to do: told with a code, and when to come again. */
function isFault(body: Body, { headers }: FuzzAnswer): boolean {
  return isText(body['code']) && headers['retry-after'] !== undefined;
}

function isRefusalOrVerdict(body: Body, request: FuzzRequest): boolean {
  if (isVerdict(body) || isOutcome(body)) return true;
  return !isOfPayment(request) && isText(body['code']);
}

function isVerdict(body: Body): boolean {
  if (body['isValid'] === true) return true;
  return body['isValid'] === false && isText(body['invalidReason']) && isText(body['invalidMessage']);
}

function isOutcome(body: Body): boolean {
  if (typeof body['transaction'] !== 'string' || typeof body['network'] !== 'string') return false;
  return body['success'] === true || (body['success'] === false && isText(body['errorReason']));
}

function shown(text: string): string {
  return text.slice(0, shownMax);
}

/** What kind of answer it is: requests that lead to a kind not seen before are worth keeping. */
export function kindOf(request: FuzzRequest, answer: FuzzAnswer): string {
  const body = jsonOf(answer.text) ?? {};
  const word = firstOf(body, ['invalidReason', 'errorReason', 'code', 'isValid', 'success']);
  const said = firstOf(body, ['invalidMessage', 'errorMessage', 'detail'])
    .replace(/"[^"]*"|[0-9a-f]{8}-[0-9a-f-]{27}|0x[0-9a-fA-F]+|\d+|[\w$-]+(\.[\w$-]+)+(\[\d+\])?/g, '…')
    .slice(0, saidMax);
  const path = request.path.split('?')[0]?.split('/').slice(0, 2).join('/') ?? '';
  return [request.target, request.method, path.slice(0, 20), answer.status, word, said].join(' | ');
}

export function jsonOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function firstOf(body: Body, fields: readonly string[]): string {
  return String(fields.map((field) => body[field]).find((value) => value !== undefined) ?? '');
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}
