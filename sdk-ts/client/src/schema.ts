/**
 * How a module's tables and reducers are told to the compiler. `cosmictron generate --lang typescript` writes a type of this
 * shape; nothing of it exists at run time.
 */

/** What {@link CosmictronClient} is typed by. Write it as a type alias: an interface is not assignable to a `Record`. */
export interface Schema {
  /** By table name: its row, and the union of its primary key's columns (`never` without one). */
  readonly tables: Readonly<Record<string, { readonly row: object; readonly key: string }>>;
  /** By reducer name: its arguments by name, and its value (`undefined` without one). */
  readonly reducers: Readonly<Record<string, { readonly args: object; readonly result: unknown }>>;
}

/** A client without a generated schema: every name is taken, and arguments are checked by the server alone. */
export interface AnySchema extends Schema {
  readonly tables: Readonly<Record<string, { readonly row: Row; readonly key: string }>>;
  readonly reducers: Readonly<Record<string, { readonly args: object; readonly result: unknown }>>;
}

/** A row by column name, where no type was given: columns are not known to the compiler. */
// biome-ignore lint/suspicious/noExplicitAny: an untyped row's columns are used as they are, as in `key={row.id}`
export type Row = Record<string, any>;

export type ReducerName<S extends Schema> = keyof S["reducers"] & string;
export type ReducerArgs<S extends Schema, N extends ReducerName<S>> = S["reducers"][N]["args"];
export type ReducerResult<S extends Schema, N extends ReducerName<S>> = S["reducers"][N]["result"];
export type TableName<S extends Schema> = keyof S["tables"] & string;
export type TableRow<S extends Schema, N extends TableName<S>> = S["tables"][N]["row"];

/** What may stand for `$1`, `$2`, … A `bigint` is sent with all its digits, a `Uint8Array` as bytes. */
export type Params = readonly unknown[];
