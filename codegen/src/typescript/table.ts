/** A query whose rows are of a type. */
export interface TableQuery<Row> {
  readonly sql: string;
  readonly params: readonly unknown[];
  /** Never there: it carries the type. */
  readonly row?: Row;
}

/** For some columns the value that a row has to have there, or the values of which it has to have one. */
export type Filter<Row, Column extends keyof Row> = {
  readonly [C in Column]?: Row[C] | readonly Row[C][];
};

interface Parts {
  readonly conditions: readonly string[];
  readonly params: readonly unknown[];
  readonly order: readonly string[];
  readonly limit: number | undefined;
}

const ALL: Parts = { conditions: [], params: [], order: [], limit: undefined };

/** Rows of a table. Each method gives another query, and leaves this one as it is. */
export class Table<Row, Column extends keyof Row & string> implements TableQuery<Row> {
  declare readonly row?: Row;
  readonly sql: string;
  readonly params: readonly unknown[];
  readonly #name: string;
  readonly #columns: readonly string[];
  readonly #parts: Parts;

  constructor(name: string, columns: readonly (keyof Row & string)[], parts: Parts = ALL) {
    this.#name = name;
    this.#columns = columns;
    this.#parts = parts;
    this.params = parts.params;
    const clauses = [`SELECT ${columns.map(quote).join(", ")} FROM ${quote(name)}`];
    if (parts.conditions.length > 0) clauses.push(`WHERE ${parts.conditions.join(" AND ")}`);
    if (parts.order.length > 0) clauses.push(`ORDER BY ${parts.order.join(", ")}`);
    if (parts.limit !== undefined) clauses.push(`LIMIT ${parts.limit}`);
    this.sql = clauses.join(" ");
  }

  /** The rows among them that have these values. */
  where(filter: Filter<Row, Column>): Table<Row, Column> {
    const conditions = [...this.#parts.conditions];
    const params = [...this.#parts.params];
    const placeholder = (value: unknown) => `$${params.push(value)}`;
    for (const [column, value] of Object.entries(filter) as [string, unknown][]) {
      if (value === undefined) throw new TypeError(`the value of ${column} is undefined`);
      const values: readonly unknown[] = Array.isArray(value) ? value : [value];
      const given = values.filter((one) => one !== null).map(placeholder);
      const choices = given.length > 0 ? [`${quote(column)} IN (${given.join(", ")})`] : [];
      if (given.length < values.length) choices.push(`${quote(column)} IS NULL`);
      conditions.push(choices.length > 0 ? `(${choices.join(" OR ")})` : "FALSE");
    }
    return this.#with({ conditions, params });
  }

  /** In the order of a column; of rows that are equal there, in the order that was asked for before. */
  orderBy(column: Column, direction: "asc" | "desc" = "asc"): Table<Row, Column> {
    const key = direction === "desc" ? `${quote(column)} DESC` : quote(column);
    return this.#with({ order: [...this.#parts.order, key] });
  }

  /** The first so many of them. */
  limit(count: number): Table<Row, Column> {
    if (!Number.isSafeInteger(count) || count < 0) throw new TypeError(`${count} is no number of rows`);
    return this.#with({ limit: count });
  }

  #with(parts: Partial<Parts>): Table<Row, Column> {
    const columns = this.#columns as readonly (keyof Row & string)[];
    return new Table<Row, Column>(this.#name, columns, { ...this.#parts, ...parts });
  }
}

/** A name as SQL has it, whatever its letters. */
function quote(name: string): string {
  return `"${name}"`;
}
