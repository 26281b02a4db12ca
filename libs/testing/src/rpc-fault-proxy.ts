import {
  Agent,
  createServer,
  request,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import {
  parseRpcOutcome,
  parseRpcRequest,
  rpcAnswerText,
  type RpcOutcome,
  type RpcRequest,
} from './json-rpc.js';
import { ActiveFault, type RpcFault, type RpcFaultName, spoiltOutcome } from './rpc-fault.js';

const host = '127.0.0.1';
const bodyBytesMax = 16 * 1024 * 1024;
/** Longer than clients keep an idle connection: it must never close under a request. */
const keepAliveMs = 300_000;

export type RpcFaultProxyOptions = {
  /** The RPC URL of a node, `http:`. */
  readonly target: string;
  /** From 0 to below 1, seeded by the test; needed for faults with a probability. Drawn in the order of calls. */
  readonly random?: () => number;
};

/** A node with faults: stands in front of a real one. */
export type RpcFaultProxy = {
  readonly url: string;
  /** Calls of clients by method, spoilt or not; those of a batch one by one. */
  readonly calls: ReadonlyMap<string, number>;
  /** How often each fault has struck a call. */
  readonly struck: ReadonlyMap<RpcFaultName, number>;
  /** From the next call on exactly these hold, all that meet a call at once. Those under way keep theirs. */
  setFaults(faults: readonly RpcFault[]): void;
  /** Heals the node. */
  clear(): void;
  /** Closes the connections too, with what is held. */
  close(): Promise<void>;
};

/**
 * Starts a proxy that passes JSON-RPC over HTTP, single and batch, to a node, with the faults that are set. A WebSocket is
 * refused. A target that cannot be reached looks like a closed socket.
 *
 * @example
 * const proxy = await startRpcFaultProxy({ target: anvil.rpcUrl, random });
 * proxy.setFaults([
 *   { fault: 'lagging', blocks: 3, probability: 0.5 },
 *   { fault: 'drop', methods: ['eth_sendRawTransaction'], node: 'forwarded', times: 1 },
 * ]);
 */
export async function startRpcFaultProxy({ target, random }: RpcFaultProxyOptions): Promise<RpcFaultProxy> {
  const node = new Node(new URL(target));
  const calls = new Map<string, number>();
  const struck = new Map<RpcFaultName, number>();
  const ending = new AbortController();
  let faults: readonly ActiveFault[] = [];
  const strike: Strike = ({ calls: asked }) =>
    asked.map((call) => {
      increment(calls, call.method);
      const hits = faults.filter((fault) => fault.strikesAt(call));
      for (const { fault } of hits) increment(struck, fault.fault);
      return hits;
    });
  const server = createServer((incoming, response) => {
    reply({ incoming, response, node, strike, ending: ending.signal }).catch(() => {
      // What a client of a node that is gone sees.
      response.destroy();
    });
  });
  server.keepAliveTimeout = keepAliveMs;
  server.on('upgrade', (_incoming, socket) => {
    socket.end('HTTP/1.1 426 Upgrade Required\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, resolve);
  });
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    calls,
    struck,
    setFaults: (wanted) => {
      faults = wanted.map((fault) => new ActiveFault(fault, random));
    },
    clear: () => {
      faults = [];
    },
    close: async () => {
      ending.abort();
      node.close();
      await closed(server);
    },
  };
}

type Strike = (request: RpcRequest) => ReadonlyArray<readonly ActiveFault[]>;

type Exchange = {
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  readonly node: Node;
  readonly strike: Strike;
  readonly ending: AbortSignal;
};

type HttpAnswer = { readonly status: number; readonly body: string | Buffer };

async function reply({ incoming, response, node, strike, ending }: Exchange): Promise<void> {
  if (incoming.method !== 'POST') {
    send(response, { status: 405, body: '' });
    return;
  }
  const body = await bodyOf(incoming);
  const asked = parseRpcRequest(body.toString('utf8'));
  const hits = asked === undefined ? [] : strike(asked);
  if (asked === undefined || hits.every((struck) => struck.length === 0)) {
    send(response, await node.post(body));
    return;
  }
  const faults = hits.flat().map(({ fault }) => fault);
  const cut = faults.find((fault) => fault.fault === 'drop' || fault.fault === 'http');
  const answer = cut === undefined || cut.node === 'forwarded' ? await spoilt(asked, hits, node) : '';
  const delayMs = Math.max(0, ...faults.map((fault) => (fault.fault === 'stall' ? fault.delayMs : 0)));
  if (delayMs > 0) await sleep(delayMs, undefined, { signal: ending });
  if (cut?.fault === 'drop') response.destroy();
  else if (cut?.fault === 'http') send(response, { status: cut.status, body: '' });
  else send(response, { status: 200, body: answer });
}

async function spoilt(
  asked: RpcRequest,
  hits: ReadonlyArray<readonly ActiveFault[]>,
  node: Node,
): Promise<string> {
  const outcomes: RpcOutcome[] = [];
  // One after the other, as the node takes a batch: transactions of one sender must not overtake each other.
  for (const [index, call] of asked.calls.entries()) {
    outcomes.push(await spoiltOutcome(call, hits[index] ?? [], (method, params) => node.ask(method, params)));
  }
  return rpcAnswerText(asked, outcomes);
}

/** The real node, over connections that are kept. */
class Node {
  private readonly agent = new Agent({ keepAlive: true });

  constructor(private readonly url: URL) {
    if (url.protocol !== 'http:') throw new TypeError(`The target ${url.origin} is not http.`);
  }

  async ask(method: string, params: readonly unknown[]): Promise<RpcOutcome> {
    const { body } = await this.post(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })));
    const outcome = parseRpcOutcome(body.toString('utf8'));
    if (outcome === undefined) throw new TypeError(`The target ${this.url.origin} answered no JSON-RPC.`);
    return outcome;
  }

  async post(body: Buffer): Promise<{ readonly status: number; readonly body: Buffer }> {
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = request(this.url, { method: 'POST', agent: this.agent, headers }, resolve);
      outgoing.once('error', reject);
      outgoing.end(body);
    });
    return { status: answer.statusCode ?? 502, body: await bodyOf(answer) };
  }

  close(): void {
    this.agent.destroy();
  }
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) throw new RangeError(`A body of more than ${bodyBytesMax} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function send(response: ServerResponse, { status, body }: HttpAnswer): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

function increment<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

async function closed(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
