/** The façade: puts session, connection, requests and live queries together, and holds nothing itself. */
import { type Clock, systemClock } from "./clock.js";
import { Link } from "./connection/link.js";
import { Requests } from "./connection/requests.js";
import { Emitter } from "./emitter.js";
import { CosmictronError } from "./errors.js";
import type { Live } from "./live/live.js";
import { Lives } from "./live/lives.js";
import { Layer } from "./live/overlay.js";
import { HeldSubscription } from "./live/subscription.js";
import { decodeBatch } from "./protocol/batch.js";
import { hex } from "./protocol/hex.js";
import { readJson } from "./protocol/json.js";
import { type ClientMessage, encode, type ServerMessage } from "./protocol/message.js";
import type { AnySchema, Params, ReducerArgs, ReducerName, ReducerResult, Row, Schema } from "./schema.js";
import { Session } from "./session/session.js";
import { defaultTokens } from "./session/tokens.js";
import { defaultSocket } from "./socket/default.js";
import type {
  CallOptions,
  CallOutcome,
  ClientEvents,
  ClientOptions,
  ConnectionState,
  Credentials,
  DehydratedQuery,
  Integers,
  LiveOptions,
  LiveQuery,
  LocalRows,
  Off,
  QueryName,
  QueryRows,
  RequestOptions,
  StoredSession,
  SubscribeOptions,
  Subscription,
} from "./types.js";

const TIMEOUT_MS = 30_000;

/** A connection to a server, opened with its first use. Making one opens nothing, on a server neither. */
export class CosmictronClient<S extends Schema = AnySchema> {
  private readonly events = new Emitter<ClientEvents>();
  private readonly session: Session;
  private readonly link: Link;
  private readonly requests: Requests;
  private readonly lives: Lives;
  private readonly integers: Integers;
  private readonly timeoutMs: number;
  private idLast = 0;
  /** Whose the waiting calls and the held rows are. */
  private account: string | null = null;

  /** `url` by ws, wss, http or https; all reach the same server. */
  constructor(url: string, options: ClientOptions = {}) {
    const http = url.replace(/^ws/, "http").replace(/\/+$/, "");
    if (!/^https?:\/\//.test(http))
      throw new CosmictronError("invalid_request", "the url begins with none of ws, wss, http, https");
    const clock: Clock = options.clock ?? systemClock;
    const reconnect = options.reconnect ?? {};
    this.integers = options.integers ?? "number";
    this.timeoutMs = options.timeout ?? TIMEOUT_MS;
    this.session = new Session(
      {
        url: http,
        fetch: options.fetch ?? ((input, init) => fetch(input, init)),
        clock,
        tokens: options.tokens ?? defaultTokens(new URL(http).origin),
        token: options.token,
      },
      {
        changed: (now, before) => this.sessionChanged(now, before),
        failed: (error) => this.events.emit("error", error),
        absent: () => this.lives.refuse(new CosmictronError("unauthenticated", "nobody is signed in")),
      },
    );
    this.account = this.session.current?.identity ?? null;
    this.link = new Link(
      {
        url: `${http.replace(/^http/, "ws")}/v1/ws`,
        socket: () => options.WebSocket ?? defaultSocket(),
        clock,
        reconnect,
        token: () => this.session.current?.token ?? null,
      },
      {
        state: (state) => this.events.emit("state", state),
        message: (message) => this.receive(message),
        lost: (_, isStale) => this.lost(isStale),
        refused: (token) => this.session.forget(token),
        broken: (error) => this.events.emit("error", error),
      },
    );
    this.requests = new Requests(clock, options.offlineQueue?.callsMax ?? null, this.link);
    this.lives = new Lives({
      clock,
      integers: this.integers,
      reconnect,
      nextId: () => this.nextId(),
      isConnected: () => this.link.isConnected,
      send: (message) => this.link.send(message),
      want: () => this.want(),
    });
  }

  get state(): ConnectionState {
    return this.link.state;
  }

  /** Who is signed in: 64 hex digits. */
  get identity(): string | null {
    return this.session.current?.identity ?? null;
  }

  on<E extends keyof ClientEvents>(event: E, listener: (value: ClientEvents[E]) => void): Off {
    return this.events.on(event, listener);
  }

  /** Connects without waiting for a first use. */
  connect(): void {
    this.link.want();
  }

  /** Ends everything, for good: what waits is refused with `closed`. */
  close(): void {
    const closed = new CosmictronError("closed", "the client was closed");
    this.link.close("by the client");
    this.session.close();
    this.requests.failAll(closed);
    this.lives.close(closed);
  }

  signUp({ email, password }: Credentials): Promise<void> {
    return this.session.enter("sign-up", { email, password });
  }

  signIn({ email, password }: Credentials): Promise<void> {
    return this.session.enter("sign-in", { email, password });
  }

  /** Has a link sent, whether or not the address is known. */
  requestMagicLink({ email }: { readonly email: string }): Promise<void> {
    return this.session.requestMagicLink(email);
  }

  verifyMagicLink({ token }: { readonly token: string }): Promise<void> {
    return this.session.enter("magic-link/verify", { token });
  }

  /** Forgets the token at once, and has the server refuse it from now on. */
  signOut(): Promise<void> {
    return this.session.leave();
  }

  /** Happens by itself well before the token expires; the connection goes on. */
  refresh(): Promise<void> {
    return this.session.refresh();
  }

  /** Runs a reducer once, however often the connection is lost meanwhile; resolves with its value when that is durable. */
  async callReducer<N extends ReducerName<S>>(
    name: N,
    args?: ReducerArgs<S, N> | Params,
    options?: CallOptions,
  ): Promise<ReducerResult<S, N>> {
    return (await this.callReducerDetailed(name, args, options)).result;
  }

  /** The same, with the transaction and the time that it took. */
  async callReducerDetailed<N extends ReducerName<S>>(
    name: N,
    args: ReducerArgs<S, N> | Params = {},
    options: CallOptions = {},
  ): Promise<CallOutcome<ReducerResult<S, N>>> {
    const undo = options.optimistic === undefined ? () => {} : this.showEarly(options.optimistic);
    try {
      const idempotencyKey = options.idempotencyKey ?? randomKey();
      const reply = await this.request(
        (id) => ({ type: "call", id, reducer: name, args, module: options.module, idempotencyKey }),
        options,
        undo,
      );
      if (reply.type !== "called") throw new CosmictronError("protocol", "a call was answered by rows");
      const result = reply.result === null ? undefined : readJson(reply.result, this.integers, `the result of ${name}`);
      return { txId: reply.txId, durationMs: reply.durationMs, result: result as ReducerResult<S, N> };
    } catch (error) {
      undo(true);
      throw error;
    }
  }

  /** Reads once. */
  async query<R extends object = Row>(
    sql: string,
    params: Params = [],
    options: RequestOptions = {},
  ): Promise<QueryRows<R>> {
    const reply = await this.request((id) => ({ type: "query", id, query: sql, params }), options);
    if (reply.type !== "rows") throw new CosmictronError("protocol", "a query was answered by a call");
    const { txId, columns, types } = reply;
    const rows = decodeBatch(reply.rows, { columns, types }, this.integers);
    const facts = { txId: { value: txId }, columns: { value: columns }, types: { value: types } };
    return Object.defineProperties(rows, facts) as QueryRows<R>;
  }

  /** A handle on the rows of a query; nothing is asked until it is held. The same object for the same query. */
  liveQuery<R extends object = Row>(sql: string, params: Params = [], options: LiveOptions = {}): LiveQuery<R> {
    return this.lives.find(sql, params, options) as unknown as LiveQuery<R>;
  }

  /** Follows a query; resolves with its first answer. */
  async subscribe<R extends object = Row>(
    sql: string,
    params: Params = [],
    options: SubscribeOptions = {},
  ): Promise<Subscription<R>> {
    if (this.session.pending !== null) await this.session.pending;
    const subscription = new HeldSubscription(this.lives.find(sql, params, options));
    try {
      await unlessAborted(subscription.live.ready, options.signal);
    } catch (error) {
      subscription.unsubscribe();
      throw error;
    }
    return subscription as unknown as Subscription<R>;
  }

  /** The rows that are held, for the page that a server renders. */
  dehydrate(): DehydratedQuery[] {
    return this.lives.dehydrate();
  }

  /** Shows what a server has rendered until the first answer of this client's own. */
  hydrate(queries: readonly DehydratedQuery[]): void {
    for (const query of queries) this.lives.hydrate(query);
  }

  private nextId(): number {
    this.idLast += 1;
    return this.idLast;
  }

  /** Connects, or says why that cannot be. A sign-in that is under way will connect. */
  private want(): CosmictronError | null {
    if (this.link.state.phase === "closed") return new CosmictronError("closed", "the client was closed");
    if (this.session.current === null && this.session.pending === null)
      return new CosmictronError("unauthenticated", "nobody is signed in");
    this.link.want();
    return null;
  }

  private async request(
    message: (id: number) => ClientMessage,
    options: RequestOptions,
    answered: (hasFailed: boolean) => void = () => {},
  ) {
    if (this.session.pending !== null) await this.session.pending;
    const refusal = this.want();
    if (refusal !== null) throw refusal;
    const id = this.nextId();
    const bytes = encode(message(id));
    const limits = { timeoutMs: options.timeout ?? this.timeoutMs, signal: options.signal };
    const reply = await this.requests.add(id, bytes, limits, () => answered(false));
    return reply;
  }

  private receive(message: ServerMessage): void {
    switch (message.type) {
      case "welcome":
        this.welcomed(message.identity, message.expiresAt);
        return;
      case "called":
      case "rows":
        this.requests.settle(message);
        return;
      case "subscribed":
      case "update":
        this.lives.receive(message);
        return;
      case "unsubscribed":
        return;
      case "error":
        this.refused(message.id, serverError(message.code, message.detail));
        return;
    }
  }

  private welcomed(identity: string, expiresAt: number): void {
    this.belongTo(identity);
    this.session.learn(identity, expiresAt);
    this.requests.resume();
    this.lives.resume();
  }

  private refused(id: number | null, error: CosmictronError): void {
    if (id !== null) {
      if (!this.requests.fail(id, error)) this.lives.fail(id, error);
    } else if (error.code === "token_expiring") {
      this.session.refresh().catch((failure: CosmictronError) => this.events.emit("error", failure));
    } else {
      this.events.emit("error", error);
    }
  }

  private lost(isStale: boolean): void {
    this.requests.suspend();
    this.lives.suspend(isStale);
  }

  private sessionChanged(now: StoredSession | null, before: StoredSession | null): void {
    if (now?.identity !== before?.identity) this.events.emit("identity", now?.identity ?? null);
    if (now === null) this.parted();
    else if (now.token !== before?.token) this.entered(now);
  }

  private entered(now: StoredSession): void {
    // A token without an identity shows whose it is when it is welcomed.
    if (now.identity !== null && now.identity === this.account && this.link.isConnected) {
      this.link.authenticate(now.token);
      return;
    }
    this.requests.suspend();
    if (now.identity !== null) this.belongTo(now.identity);
    this.link.part();
    this.lives.suspend(false);
    this.link.want();
    this.lives.resume();
  }

  private parted(): void {
    const error = new CosmictronError("unauthenticated", "nobody is signed in any more");
    this.account = null;
    this.link.part();
    this.requests.failAll(error);
    this.lives.clear();
    this.lives.refuse(error);
  }

  /** What waits for an answer, and what is shown, belongs to one account, and never goes on with another one. */
  private belongTo(identity: string): void {
    if (this.account === identity) return;
    if (this.account !== null) {
      this.requests.failAll(new CosmictronError("closed", "another account has signed in"));
      this.lives.clear();
    }
    this.account = identity;
  }

  private showEarly(write: (local: LocalRows) => void): (hasFailed: boolean) => void {
    const layers = new Map<Live, Layer>();
    const layer = (name: QueryName): Layer => {
      const live = this.named(name);
      const known = layers.get(live) ?? new Layer();
      layers.set(live, known);
      return known;
    };
    write({
      insert: (query, row) => layer(query).writes.push({ do: "insert", row }),
      update: (query, match, patch) => layer(query).writes.push({ do: "update", match, patch }),
      delete: (query, match) => layer(query).writes.push({ do: "delete", match }),
    });
    for (const [live, own] of layers) live.addLayer(own);
    return (hasFailed) => {
      for (const [live, own] of layers) live.endLayer(own, hasFailed);
      layers.clear();
    };
  }

  private named(query: QueryName): Live {
    const { sql, params = [] } = typeof query === "string" ? { sql: query } : query;
    const key = typeof query === "object" && "key" in query ? (query as unknown as Live).key : undefined;
    return this.lives.find(sql, params, key === undefined ? {} : { key });
  }
}

/** The server says in how many seconds at the end of the detail. */
function serverError(code: string, detail: string): CosmictronError {
  const seconds = code === "rate_limited" ? /(\d+(?:\.\d+)?)\D*$/.exec(detail)?.[1] : undefined;
  return new CosmictronError(code, detail, seconds === undefined ? {} : { retryAfter: Number(seconds) });
}

const randomKey = (): string => hex(crypto.getRandomValues(new Uint8Array(16)));

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const abort = () => reject(new CosmictronError("aborted", "the caller's signal fired"));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
