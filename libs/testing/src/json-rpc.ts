/** One call of a JSON-RPC request, as far as a proxy needs to understand it. */
export type RpcCall = {
  /** Left out: the caller wants no answer. */
  readonly id?: unknown;
  readonly method: string;
  readonly params: readonly unknown[];
};

export type RpcOutcome =
  | { readonly result: unknown }
  | { readonly error: { readonly code: number; readonly message: string; readonly data?: unknown } };

export type RpcRequest = { readonly form: 'single' | 'batch'; readonly calls: readonly RpcCall[] };

/** Undefined for what is no JSON-RPC: the node may say so itself. */
export function parseRpcRequest(body: string): RpcRequest | undefined {
  const content = parseJson(body);
  const calls = (Array.isArray(content) ? content : [content])
    .map(callOf)
    .filter((call) => call !== undefined);
  if (calls.length !== (Array.isArray(content) ? content.length : 1)) return undefined;
  return { form: Array.isArray(content) ? 'batch' : 'single', calls };
}

export function rpcAnswerText({ form, calls }: RpcRequest, outcomes: readonly RpcOutcome[]): string {
  const answers = calls.flatMap(({ id }, index) =>
    id === undefined ? [] : [{ jsonrpc: '2.0', id, ...outcomes[index] }],
  );
  return JSON.stringify(form === 'batch' ? answers : answers[0]) ?? '';
}

/** What a node answered to one call; undefined when that is no JSON-RPC. */
export function parseRpcOutcome(body: string): RpcOutcome | undefined {
  const content = parseJson(body);
  if (!isRecord(content)) return undefined;
  if (isRecord(content['error'])) {
    const { code, message, data } = content['error'];
    return {
      error: { code: Number(code), message: String(message), ...(data === undefined ? {} : { data }) },
    };
  }
  return 'result' in content ? { result: content['result'] } : undefined;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function callOf(content: unknown): RpcCall | undefined {
  if (!isRecord(content) || typeof content['method'] !== 'string') return undefined;
  const { id, method, params = [] } = content;
  // By name is allowed by JSON-RPC, but no Ethereum node takes it.
  if (!Array.isArray(params)) return undefined;
  return { ...(id === undefined ? {} : { id }), method, params };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
