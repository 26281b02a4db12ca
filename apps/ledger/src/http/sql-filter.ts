/** Collects the conditions of one statement with their values: each `?` in a condition is the next value. */
export class SqlFilter {
  private readonly conditions: string[] = [];

  /** `values` may be those of another part of the same statement. */
  constructor(readonly values: unknown[] = []) {}

  /** Adds the condition unless one of its values is undefined. */
  add(condition: string, ...values: readonly unknown[]): this {
    if (values.includes(undefined)) return this;
    const parts = condition.split('?');
    this.conditions.push(
      parts.reduce((text, part, index) => `${text}${this.value(values[index - 1])}${part}`),
    );
    return this;
  }

  /** Takes in a value and gives its place in the statement. */
  value(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }

  /** `WHERE …`, or nothing where nothing was asked for. */
  get where(): string {
    return this.conditions.length === 0 ? '' : `WHERE ${this.conditions.join(' AND ')}`;
  }
}
