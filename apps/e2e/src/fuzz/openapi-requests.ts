import type { SeededRandom } from '../random.js';
import { mutateJson } from './mutate-json.js';
import type { FuzzRequest, TargetName } from './request.js';

type Schema = {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly $ref?: string;
  readonly example?: unknown;
  readonly examples?: readonly unknown[];
};
type Parameter = { readonly name: string; readonly in: string; readonly schema?: Schema };
type Operation = {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: {
    readonly content: Readonly<
      Record<
        string,
        {
          readonly schema?: Schema;
          readonly example?: unknown;
          readonly examples?: Readonly<Record<string, { readonly value?: unknown }>>;
        }
      >
    >;
  };
};
export type OpenApiDocument = {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
};

type Described = {
  readonly target: TargetName;
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
};

const harvestMax = 400;
const harvestedTextMax = 200;
const schemaDepthMax = 8;
const digits = '0123456789abcdef';

/** Requests that OpenAPI documents describe, with parameters that are right, nearly so, or anything. */
export class OpenApiRequests {
  readonly #described: readonly Described[];
  /** Texts of earlier answers: ids, codes and cursors that mean something. */
  readonly #harvest: string[] = [];

  constructor(
    private readonly documents: ReadonlyMap<TargetName, OpenApiDocument>,
    private readonly random: SeededRandom,
  ) {
    this.#described = [...documents].flatMap(([target, { paths }]) =>
      Object.entries(paths).flatMap(([path, operations]) =>
        Object.entries(operations).map(([method, operation]) => ({
          target,
          path,
          operation,
          method: method.toUpperCase(),
        })),
      ),
    );
  }

  next(): FuzzRequest {
    const described = this.#one(this.#described);
    if (described === undefined) throw new RangeError('documents without operations');
    const { target, method, operation } = described;
    let path = described.path;
    const query: string[] = [];
    for (const parameter of operation.parameters ?? []) {
      const text = this.#valueOf(parameter);
      if (parameter.in === 'path') path = path.replace(`{${parameter.name}}`, encoded(text));
      else if (this.random.below(3) > 0) query.push(`${parameter.name}=${encoded(text)}`);
    }
    if (this.random.below(10) === 0) query.push(`${encoded(this.#anyText())}=${encoded(this.#anyText())}`);
    if (this.random.below(20) === 0) query.push(...query);
    return {
      target,
      method,
      path: query.length === 0 ? path : `${path}?${query.join('&')}`,
      headers: operation.requestBody === undefined ? {} : { 'content-type': 'application/json' },
      body: this.#bodyOf(described),
      origin: `OpenAPI ${method} ${described.path}`,
    };
  }

  /** Keeps texts of an answer for later requests. */
  learn(value: unknown): void {
    if (typeof value === 'string' && value.length > 0 && value.length <= harvestedTextMax) {
      if (this.#harvest.length < harvestMax) this.#harvest.push(value);
      else this.#harvest[this.random.below(harvestMax)] = value;
    } else if (typeof value === 'object' && value !== null) {
      for (const part of Object.values(value)) this.learn(part);
    }
  }

  #bodyOf({ operation, target }: Described): Buffer {
    const content = operation.requestBody?.content['application/json'];
    if (content === undefined) return Buffer.alloc(0);
    const examples = Object.values(content.examples ?? {}).map(({ value }) => value);
    const example = content.example ?? this.#one(examples);
    const body =
      example !== undefined && this.random.below(2) === 0
        ? (structuredClone(example) as unknown)
        : this.#fromSchema(content.schema ?? {}, target, 0);
    if (typeof body === 'object' && body !== null && this.random.below(2) === 0)
      mutateJson(body as Record<string, unknown>, this.random);
    return Buffer.from(JSON.stringify(body) ?? '');
  }

  #fromSchema(schema: Schema, target: TargetName, depth: number): unknown {
    if (depth > schemaDepthMax) return null;
    const variant = this.#one(this.#variantsOf(schema, target));
    if (variant !== undefined) return this.#fromSchema(variant, target, depth + 1);
    if (schema.enum !== undefined) return this.#one(schema.enum);
    const within = (part: Schema): unknown => this.#fromSchema(part, target, depth + 1);
    const makers: Readonly<Record<string, () => unknown>> = {
      object: () => this.#objectOf(schema.properties ?? {}, within),
      array: () => Array.from({ length: this.random.below(3) }, () => within(schema.items ?? {})),
      number: () => this.random.below(1_000),
      integer: () => this.random.below(1_000),
      boolean: () => this.random.below(2) === 0,
    };
    return (makers[schema.type ?? ''] ?? (() => this.#textFor(schema)))();
  }

  #variantsOf({ $ref, anyOf, oneOf }: Schema, target: TargetName): readonly Schema[] {
    const named = $ref?.split('/').at(-1);
    if (named !== undefined) return [this.documents.get(target)?.components?.schemas?.[named] ?? {}];
    return anyOf ?? oneOf ?? [];
  }

  /** One field in eight is left out. */
  #objectOf(properties: Readonly<Record<string, Schema>>, within: (part: Schema) => unknown): object {
    const fields = Object.entries(properties).filter(() => this.random.below(8) > 0);
    return Object.fromEntries(fields.map(([name, field]) => [name, within(field)]));
  }

  #valueOf({ schema = {} }: Parameter): string {
    const sort = this.random.below(10);
    if (sort < 4) return this.#textFor(schema);
    if (sort < 8) return this.#one(this.#harvest) ?? this.#anyText();
    return this.#anyText();
  }

  #textFor({ enum: words, format, pattern = '', example, examples }: Schema): string {
    const given = this.#one(words ?? examples ?? []) ?? example;
    if (given !== undefined) return String(given);
    if (format === 'uuid') return this.#uuid();
    if (pattern.includes('0x')) return `0x${this.#hex(this.random.below(2) === 0 ? 64 : 40)}`;
    if (/^\^\[0-9\]/.test(pattern)) return String(this.random.below(10_000));
    return this.#one(this.#harvest) ?? this.#anyText();
  }

  #anyText(): string {
    const texts = [
      '',
      '0',
      '-1',
      '1e9',
      'null',
      '\u0000',
      "'",
      '%',
      '%ff',
      '../',
      'F:merchant',
      'G:',
      '💸',
      '\ud800',
      'a'.repeat(this.random.below(3_000)),
      this.#uuid(),
      this.#hex(9),
    ];
    return this.#one(texts) ?? '';
  }

  #uuid(): string {
    return [8, 4, 4, 4, 12].map((length) => this.#hex(length)).join('-');
  }

  #hex(length: number): string {
    return Array.from({ length }, () => digits.charAt(this.random.below(16))).join('');
  }

  #one<Item>(items: readonly Item[]): Item | undefined {
    return items[this.random.below(Math.max(1, items.length))];
  }
}

/** Mostly as it should be; a lone surrogate has no encoding, and stands for itself. */
function encoded(text: string): string {
  try {
    return encodeURIComponent(text);
  } catch {
    return '%ED%A0%80';
  }
}
