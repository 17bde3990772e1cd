/** The shapes that users see: states, snapshots, options. */
import type { Clock } from "./clock.js";
import type { CosmictronError } from "./errors.js";
import type { Params, Row } from "./schema.js";
import type { SocketFactory } from "./socket/socket.js";

export type Off = () => void;

/** Where the connection is. */
export type ConnectionState =
  /** Nothing has asked for it yet, or nobody is signed in. */
  | { readonly phase: "idle" }
  | { readonly phase: "connecting"; readonly attempt: number }
  | { readonly phase: "connected"; readonly identity: string; readonly connectionId: string }
  /** The last attempt failed; the next one is at `until` (milliseconds since the epoch). */
  | { readonly phase: "waiting"; readonly attempt: number; readonly until: number; readonly error: CosmictronError }
  /** By `close()`: for good. */
  | { readonly phase: "closed"; readonly reason: string };

/**
 * How integers of 64 and 128 bits come. `number`: those of 64 bits as numbers, and an answer with one beyond 2^53 is refused
 * with `integer_too_large`; those of 128 bits as bigint. `bigint`: always bigint. `string`: always decimal strings. Never is a
 * digit lost. Within JSON columns and results, where types are not told, this holds for integers beyond 2^53; others are numbers.
 */
export type Integers = "number" | "bigint" | "string";

/** What is kept of a sign-in. */
export interface StoredSession {
  readonly token: string;
  /** Unknown of a token that was given as an option, until the server has said it. */
  readonly identity: string | null;
  /** Unix seconds. */
  readonly expiresAt: number | null;
}

/** Where a session outlives the page. */
export interface TokenStorage {
  load(): StoredSession | null | Promise<StoredSession | null>;
  save(session: StoredSession | null): void | Promise<void>;
  /** Tells of changes by others, such as another tab. */
  watch?(changed: (session: StoredSession | null) => void): Off;
}

export interface ReconnectOptions {
  /** The bound of the first wait, doubled with each attempt. The wait is a random part of it ("full jitter"). */
  readonly delayMs?: number;
  readonly delayMsMax?: number;
}

export interface ClientOptions {
  readonly tokens?: TokenStorage;
  /** A token from elsewhere, such as a server's environment; not stored. */
  readonly token?: string;
  readonly integers?: Integers;
  readonly reconnect?: ReconnectOptions;
  /** Milliseconds that a call or query may take, 30,000 when absent. */
  readonly timeout?: number;
  /** Lets calls wait for a connection as long as that takes, up to so many; their time begins when they are sent. */
  readonly offlineQueue?: { readonly callsMax: number };
  readonly WebSocket?: SocketFactory;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}

export interface Credentials {
  readonly email: string;
  readonly password: string;
}

export interface RequestOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds. */
  readonly timeout?: number;
}

export interface CallOptions extends RequestOptions {
  /** Makes the call run once, however often it is sent. A random one when absent. */
  readonly idempotencyKey?: string;
  /** The module, where two have a reducer of this name. */
  readonly module?: string;
  /** Shows what the call will do before the server has answered; undone when it has. */
  readonly optimistic?: (local: LocalRows) => void;
}

export interface CallOutcome<Result> {
  readonly txId: number;
  readonly durationMs: number;
  readonly result: Result;
}

/** Writes to what live queries show, until the call is answered. A query is named by its handle, or its SQL (and params). */
export interface LocalRows {
  insert(query: QueryName, row: object): void;
  /** Changes the rows that have the values of `match`. */
  update(query: QueryName, match: object, patch: object): void;
  /** Hides the rows that have the values of `match`. */
  delete(query: QueryName, match: object): void;
}

export type QueryName = LiveQuery<object> | string | { readonly sql: string; readonly params?: Params };

export interface LiveOptions {
  /** Columns that tell rows apart, where the server knows none. */
  readonly key?: readonly string[];
}

export interface SubscribeOptions extends LiveOptions {
  readonly signal?: AbortSignal;
}

/** What a live query shows. The same object until something changes, and a row that did not change stays the same object. */
export interface LiveSnapshot<R> {
  readonly rows: readonly R[];
  /** `pending`: no answer yet. `stale`: the connection is lost, `rows` are the last known. `error`: it has ended. */
  readonly status: "pending" | "live" | "stale" | "error";
  readonly error: CosmictronError | null;
  readonly txId: number | null;
  readonly columns: readonly string[];
}

/** A handle on a shared live query. Identical ones share one subscription, which ends soon after the last release. */
export interface LiveQuery<R = Row> {
  readonly sql: string;
  readonly params: Params;
  getSnapshot(): LiveSnapshot<R>;
  /** What was hydrated, or `pending`: the same on the server and in the first render of a browser. */
  getServerSnapshot(): LiveSnapshot<R>;
  /** Keeps the query up to date until it is released. */
  subscribe(listener: () => void): Off;
  /** Settles with the first answer. Holds the query while it waits. */
  readonly ready: Promise<void>;
}

export interface Updated<R> {
  readonly before: R;
  readonly after: R;
}

/** What one transaction has changed. `inserts` and `deletes` are complete; `updates` pairs those with the same key. */
export interface LiveUpdate<R> {
  readonly inserts: readonly R[];
  readonly deletes: readonly R[];
  readonly updates: readonly Updated<R>[];
  readonly txId: number;
}

export interface SubscriptionEvents<R> {
  update: LiveUpdate<R>;
  error: CosmictronError;
  /** An answer is there again, at first and after each reconnect. */
  ready: LiveSnapshot<R>;
}

/** A live query that is held until `unsubscribe`, with events; `for await` yields its updates. */
export interface Subscription<R = Row> extends AsyncIterable<LiveUpdate<R>> {
  readonly rows: readonly R[];
  readonly live: LiveQuery<R>;
  on<E extends keyof SubscriptionEvents<R>>(event: E, listener: (value: SubscriptionEvents<R>[E]) => void): Off;
  unsubscribe(): void;
}

/** The rows of a query. Where columns share a name, the last one has it. */
export type QueryRows<R> = R[] & QueryFacts;

/** Properties of {@link QueryRows} that are not enumerable. */
export interface QueryFacts {
  readonly txId: number;
  readonly columns: readonly string[];
  readonly types: readonly string[];
}

export interface ClientEvents {
  state: ConnectionState;
  identity: string | null;
  /** What nobody waits for: a module that refused the connection, a broken message, a failed refresh. */
  error: CosmictronError;
}

/** What {@link CosmictronClient.dehydrate} carries to the browser. JSON, save for bigints and bytes. */
export interface DehydratedQuery {
  readonly sql: string;
  readonly params: Params;
  readonly columns: readonly string[];
  readonly rows: readonly object[];
  readonly txId: number | null;
}
