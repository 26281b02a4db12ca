import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { castOf } from '../differential/cast.js';
import { SeededRandom } from '../random.js';
import { type Stack, startStack } from '../stack.js';
import { postgresTransport } from '../transport.js';
import { Corpus } from './corpus.js';
import { jsonOf, kindOf, problemWith } from './judge.js';
import { RequestMaker } from './make.js';
import { inspected, inspectorUrlIn, type MemoryGrowth, MemoryWatch } from './memory.js';
import { type OpenApiDocument, OpenApiRequests } from './openapi-requests.js';
import { type FuzzRequest, Sender, type TargetName } from './request.js';

export type FuzzOptions = {
  readonly seed: number;
  readonly durationMs: number;
  readonly log: (line: string) => void;
};

export type FuzzReport = {
  readonly requests: number;
  readonly kinds: number;
  /** Each kind of problem once, with the request that led to it. */
  readonly problems: readonly string[];
  readonly memory: Readonly<Record<string, MemoryGrowth>>;
};

const lanes = 12;
/** Of the memory, evenly over the time. */
const samples = 60;
const tellEveryMs = 15_000;
const settleWaitMs = 300;
const problemsToldMax = 40;
/** Shorter runs say nothing about memory: caches and the heap are still filling. */
const memoryFromMs = 5 * 60_000;
/** Of a service that holds some sixty. */
const growthMaxMb = 2;

/** Sends what nobody would send to a whole running installation, and looks at each answer, the logs and the memory. */
export async function runFuzz(options: FuzzOptions): Promise<FuzzReport & { readonly corpus: Corpus }> {
  const logFolder = mkdtempSync(join(tmpdir(), 'quittance-fuzz-'));
  process.env['E2E_LOGS'] = logFolder;
  const stack = await startStack({ transport: postgresTransport, settleWaitMs, env: inspected });
  try {
    const fuzzed = await fuzz(stack, { ...options, logFolder });
    const problems = [...fuzzed.problems, ...processProblems(stack), ...logProblems(logFolder)];
    return { ...fuzzed, problems };
  } finally {
    await stack.stop();
    rmSync(logFolder, { recursive: true, force: true });
  }
}

async function fuzz(
  stack: Stack,
  { seed, durationMs, log, logFolder }: FuzzOptions & { readonly logFolder: string },
): Promise<FuzzReport & { readonly corpus: Corpus }> {
  const [facilitator] = stack.facilitators;
  const [chain] = stack.chains;
  if (facilitator === undefined || chain === undefined) throw new TypeError('a stack without a facilitator');
  const urls = { facilitator: facilitator.url, ledger: stack.ledger.url };
  const random = new SeededRandom(seed);
  const described = new OpenApiRequests(await documentsOf(urls), random);
  const maker = new RequestMaker(await castOf(chain), described, random);
  const sender = new Sender(urls);
  const corpus = new Corpus();
  const problems = new Map<string, string>();
  const watches = new Map(
    (['facilitator', 'ledger'] as const).map((name) => [
      name,
      new MemoryWatch(inspectorUrlIn(logFolder, name)),
    ]),
  );
  const endsAt = performance.now() + durationMs;
  let requests = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() < endsAt) {
      const request = maker.next();
      const answer = await sender.send(request);
      requests += 1;
      const problem = problemWith(request, answer);
      if (problem !== undefined && problems.size < problemsToldMax)
        problems.set(problem, told(problem, request));
      if (typeof answer === 'string') continue;
      corpus.note(kindOf(request, answer), request, answer.status);
      described.learn(jsonOf(answer.text));
    }
  };
  const held = new Map<string, number>();
  const telling = setInterval(() => {
    const heldText = [...held].map(([name, heldMb]) => `${name} ${heldMb.toFixed(1)} MB`).join(', ');
    log(
      `  ${requests} requests, ${corpus.kinds} kinds of answers, ${problems.size} problems; held: ${heldText}`,
    );
  }, tellEveryMs);
  const sampling = async (): Promise<void> => {
    while (performance.now() < endsAt) {
      for (const [name, watch] of watches) held.set(name, await watch.sample(requests));
      await sleep(Math.min(durationMs / samples, endsAt - performance.now()));
    }
  };
  await Promise.all([sampling(), ...Array.from({ length: lanes }, lane)]);
  clearInterval(telling);
  sender.close();
  const memory = Object.fromEntries([...watches].map(([name, watch]) => [name, watch.growth()]));
  const grown = durationMs < memoryFromMs ? [] : growthProblems(memory);
  return { requests, kinds: corpus.kinds, problems: [...problems.values(), ...grown], memory, corpus };
}

async function documentsOf(
  urls: Readonly<Record<TargetName, string>>,
): Promise<ReadonlyMap<TargetName, OpenApiDocument>> {
  const names = Object.keys(urls) as TargetName[];
  return new Map(
    await Promise.all(
      names.map(async (name): Promise<[TargetName, OpenApiDocument]> => {
        const response = await fetch(`${urls[name]}/openapi.json`);
        return [name, (await response.json()) as OpenApiDocument];
      }),
    ),
  );
}

function told(problem: string, { target, method, path, headers, body, origin }: FuzzRequest): string {
  const sent = body.toString('latin1');
  return `${problem} ← ${origin}: ${target} ${method} ${path.slice(0, 300)} ${JSON.stringify(headers).slice(0, 200)} ${sent.slice(0, 2_000)}`;
}

function processProblems({ services }: Stack): string[] {
  return services.filter(({ crashes }) => crashes > 0).map(({ name }) => `the ${name} ended by itself`);
}

/** Lines that say that something happened which nobody thought of. */
function logProblems(folder: string): string[] {
  return readdirSync(folder).flatMap((file) => {
    const lines = readFileSync(join(folder, file), 'utf8').split('\n');
    const bad = lines.filter((line) => /"level":"(error|fatal)"|unhandled|Warning:/i.test(line));
    return bad.slice(0, problemsToldMax).map((line) => `log of ${file}: ${line.slice(0, 500)}`);
  });
}

function growthProblems(memory: Readonly<Record<string, MemoryGrowth>>): string[] {
  return Object.entries(memory)
    .filter(([, { heldMb }]) => heldMb.every((grownMb) => grownMb > growthMaxMb))
    .map(([name, growth]) => `the memory of the ${name} grows: ${JSON.stringify(growth)}`);
}
