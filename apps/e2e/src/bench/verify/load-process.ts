import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

import { QuickSigner } from '../../quick-signer.js';

/**
 * A process that makes load: it signs payments and has their requests ready as bytes before the clock starts, then
 * keeps a number of connections busy, each with one request at a time. Plain sockets and a reader of just the
 * answers that the two sides give, so that the processor is left to those who are measured.
 */
export type LoadSettings = {
  readonly payers: readonly { readonly address: string; readonly key: string }[];
  readonly merchants: readonly string[];
  readonly chainId: number;
  readonly token: { readonly address: string; readonly name: string; readonly version: string };
  readonly amount: string;
};

/** Comes before the load: the clock stands. */
export type SigningOrder = { readonly url: string; readonly payments: number };

/** Ends early when what was signed is used up. */
export type LoadOrder = {
  readonly url: string;
  readonly connections: number;
  readonly durationMs: number;
};

export type LoadReport = {
  readonly latenciesMs: Float64Array;
  /** How often each answer came: `valid`, a reason, or a status. */
  readonly answers: Readonly<Record<string, number>>;
  readonly tookMs: number;
  readonly ranOut: boolean;
  readonly cpuS: number;
};

const validForS = 3_600;
const headEnd = Buffer.from('\r\n\r\n');
const valid = Buffer.from('"isValid":true');
const statusAt = 9;

let settings: LoadSettings;
let signer: QuickSigner;
let signed = 0;
let requests: Buffer[] = [];

function requestOf(host: string): Buffer {
  const payer = settings.payers[signed % settings.payers.length];
  const payTo = settings.merchants[signed % settings.merchants.length];
  if (payer === undefined || payTo === undefined) throw new TypeError('nobody to pay, or to be paid');
  signed += 1;
  const validBefore = Math.floor(Date.now() / 1000) + validForS;
  const nonce = `0x${randomBytes(32).toString('hex')}`;
  const terms = { from: payer.address, to: payTo, validAfter: 0n, nonce };
  const signature = signer.sign(Buffer.from(payer.key.slice(2), 'hex'), {
    ...terms,
    value: BigInt(settings.amount),
    validBefore: BigInt(validBefore),
  });
  const { address: asset, name, version } = settings.token;
  const requirements = {
    scheme: 'exact',
    network: `eip155:${settings.chainId}`,
    amount: settings.amount,
    asset,
    payTo,
    maxTimeoutSeconds: 300,
    extra: { name, version },
  };
  const authorization = {
    ...terms,
    value: settings.amount,
    validAfter: '0',
    validBefore: String(validBefore),
  };
  const body = JSON.stringify({
    x402Version: 2,
    paymentPayload: {
      x402Version: 2,
      resource: { url: 'https://shop.example/weather' },
      accepted: requirements,
      payload: { signature, authorization },
    },
    paymentRequirements: requirements,
  });
  const head =
    `POST /verify HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\nconnection: keep-alive\r\n\r\n`;
  return Buffer.from(head + body);
}

async function run({ url, connections, durationMs }: LoadOrder): Promise<LoadReport> {
  const { hostname, port } = new URL(url);
  const sockets = await Promise.all(
    Array.from({ length: connections }, async () => opened(hostname, Number(port))),
  );
  const latencies: number[] = [];
  const answers: Record<string, number> = {};
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  const round = { next: 0, endsAt: started + durationMs };
  await Promise.all(
    sockets.map(async (socket) =>
      keepBusy(socket, {
        next: () => (performance.now() < round.endsAt ? requests[round.next++] : undefined),
        note: (answer, tookMs) => {
          latencies.push(tookMs);
          answers[answer] = (answers[answer] ?? 0) + 1;
        },
      }),
    ),
  );
  const tookMs = performance.now() - started;
  const { user, system } = process.cpuUsage(cpuBefore);
  for (const socket of sockets) socket.destroy();
  const cpuS = (user + system) / 1e6;
  return {
    latenciesMs: Float64Array.from(latencies),
    answers,
    tookMs,
    ranOut: round.next >= requests.length,
    cpuS,
  };
}

async function opened(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true }, () => resolve(socket));
    socket.once('error', reject);
  });
}

type Work = {
  readonly next: () => Buffer | undefined;
  readonly note: (answer: string, tookMs: number) => void;
};

/** Sends one request after another over a connection; resolves when there is none left, or the connection broke. */
async function keepBusy(socket: Socket, { next, note }: Work): Promise<void> {
  return new Promise((resolve) => {
    let sentAt = 0;
    let held: Buffer | undefined;
    const send = (): void => {
      const request = next();
      if (request === undefined) return resolve();
      sentAt = performance.now();
      socket.write(request);
    };
    socket.on('data', (chunk: Buffer) => {
      held = held === undefined ? chunk : Buffer.concat([held, chunk]);
      const answer = answerIn(held);
      if (answer === undefined) return;
      held = undefined;
      note(answer, performance.now() - sentAt);
      send();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      note('connection closed', performance.now() - sentAt);
      resolve();
    });
    send();
  });
}

/** What a whole answer says; undefined while it is not whole. */
function answerIn(bytes: Buffer): string | undefined {
  const end = bytes.indexOf(headEnd);
  if (end === -1) return undefined;
  const head = bytes.toString('latin1', 0, end);
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1]);
  const bodyAt = end + headEnd.length;
  if (bytes.length < bodyAt + length) return undefined;
  if (bytes.includes(valid, bodyAt)) return 'valid';
  const body = JSON.parse(bytes.toString('utf8', bodyAt)) as {
    readonly invalidReason?: string;
    readonly code?: string;
  };
  return body.invalidReason ?? body.code ?? `status ${head.slice(statusAt, statusAt + 3)}`;
}

process.on('message', (message: LoadSettings | SigningOrder | LoadOrder) => {
  if ('payers' in message) {
    settings = message;
    const { name, version, address } = settings.token;
    signer = new QuickSigner({ name, version, chainId: settings.chainId, verifyingContract: address });
    return;
  }
  if ('payments' in message) {
    const { host } = new URL(message.url);
    requests = Array.from({ length: message.payments }, () => requestOf(host));
    process.send?.('signed');
    return;
  }
  void run(message).then((report) => process.send?.(report));
});
process.on('disconnect', () => process.exit(0));
