import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import type { FuzzRequest } from './request.js';

/** A request that once led to an answer of a kind of its own, kept to be sent again by a spec. */
export type Fixture = Omit<FuzzRequest, 'body'> & {
  /** As text where it is some, else in base64. */
  readonly body: string;
  readonly isBase64: boolean;
  /** Of the answer, where it does not depend on the time and on what was settled. */
  readonly status: number | null;
};

/** Beside the specs, whether this runs from sources or from the build. */
const folder = fileURLToPath(new URL('../../test/fuzz-corpus/', import.meta.url));
const bytesMax = 6_000;
const fixturesMax = 150;

export function readCorpus(): ReadonlyArray<{ readonly name: string; readonly fixture: Fixture }> {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((name) => ({ name, fixture: JSON.parse(readFileSync(folder + name, 'utf8')) as Fixture }));
}

export function requestOf({ body, isBase64, ...rest }: Fixture): FuzzRequest {
  return { ...rest, body: Buffer.from(body, isBase64 ? 'base64' : 'utf8') };
}

/** Remembers one request, the smallest, for each kind of answer. */
export class Corpus {
  readonly #found = new Map<string, { readonly request: FuzzRequest; readonly status: number }>();

  note(kind: string, request: FuzzRequest, status: number): void {
    const known = this.#found.get(kind);
    if (known !== undefined && sizeOf(known.request) <= sizeOf(request)) return;
    this.#found.set(kind, { request, status });
  }

  get kinds(): number {
    return this.#found.size;
  }

  /** Writes those that are small enough, of all sorts if there are too many, in place of what was there; gives how many. */
  write(): number {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const small = [...this.#found]
      .filter(([, { request }]) => sizeOf(request) <= bytesMax)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const stride = Math.max(1, small.length / fixturesMax);
    const kept = small.filter((_, index) => Math.floor(index / stride) > Math.floor((index - 1) / stride));
    kept.forEach(([, { request, status }], index) => {
      const name = `${String(index + 1).padStart(3, '0')}-${request.target}-${status}.json`;
      writeFileSync(folder + name, `${JSON.stringify(fixtureOf(request, status), null, 2)}\n`);
    });
    return kept.length;
  }
}

function sizeOf({ body, path, headers }: FuzzRequest): number {
  return body.length + path.length + JSON.stringify(headers).length;
}

function fixtureOf({ body, ...rest }: FuzzRequest, status: number): Fixture {
  const text = body.toString('utf8');
  const isText = Buffer.from(text, 'utf8').equals(body);
  return {
    ...rest,
    body: isText ? text : body.toString('base64'),
    isBase64: !isText,
    // A malformed request is that for ever.
    status: status >= 400 && status < 500 && status !== 404 ? status : null,
  };
}
