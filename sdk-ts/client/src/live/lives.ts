/** All live queries of a client: who asks the same shares one, and each is subscribed to while somebody holds it. */
import type { Clock } from "../clock.js";
import { delay } from "../connection/machine.js";
import { CosmictronError } from "../errors.js";
import { writeJson } from "../protocol/json.js";
import type { ClientMessage, ServerMessage } from "../protocol/message.js";
import type { Params } from "../schema.js";
import type { DehydratedQuery, Integers, LiveOptions, ReconnectOptions } from "../types.js";
import { Live } from "./live.js";

/** How long a query that nobody holds is kept up: a component that is mounted twice, or moves, costs nothing. */
const GRACE_MS = 1_000;
/** How long the update behind a resumed answer may take; it is sent together with it. */
const SETTLE_MS = 1_000;
/** What passes by itself: the query is asked again. */
const TRANSIENT: ReadonlySet<string> = new Set(["overloaded", "unavailable", "shutting_down", "rate_limited"]);

export interface LivesOptions {
  readonly clock: Clock;
  readonly integers: Integers;
  readonly reconnect: ReconnectOptions;
  nextId(): number;
  isConnected(): boolean;
  send(message: ClientMessage): void;
  /** Somebody needs an answer: connects, or says why that cannot be. */
  want(): CosmictronError | null;
}

export class Lives {
  private readonly all = new Map<string, Live>();
  private readonly byId = new Map<number, Live>();
  private readonly graces = new Map<Live, () => void>();
  private readonly retries = new Map<Live, () => void>();

  constructor(private readonly options: LivesOptions) {}

  find(sql: string, params: Params, { key }: LiveOptions = {}): Live {
    const name = nameOf(sql, params, key);
    const known = this.all.get(name);
    if (known !== undefined) return known;
    const keeper = { held: () => this.hold(live), released: () => this.release(live) };
    const live = new Live(sql, params, key, this.options.integers, keeper);
    this.all.set(name, live);
    // A render that is thrown away never holds what it asked for.
    this.release(live);
    return live;
  }

  /** Rows from a server's page stay until somebody holds them, however long the page takes. */
  hydrate(query: DehydratedQuery): void {
    const live = this.find(query.sql, query.params);
    this.keep(live);
    live.hydrate(query);
  }

  /** The connection is there, or somebody has signed in: whatever is held is asked for. */
  resume(): void {
    for (const live of this.held()) {
      if (live.error?.code === "unauthenticated") live.revive();
      if (live.error === null) this.ask(live);
    }
  }

  suspend(forget: boolean): void {
    this.byId.clear();
    for (const live of this.all.values()) live.suspend(forget);
  }

  /** Another account, or none. */
  clear(): void {
    this.byId.clear();
    for (const live of this.all.values()) live.clear();
  }

  refuse(error: CosmictronError): void {
    for (const live of this.held()) if (live.error === null) live.fail(error);
  }

  receive(message: Extract<ServerMessage, { type: "subscribed" | "update" }>): void {
    // First all take in the transaction, then all tell of it: nobody sees half of it.
    const tells =
      message.type === "subscribed"
        ? [this.taken(message.id, (live) => live.answered(message))]
        : message.changes.map((change) => this.taken(change.id, (live) => live.changed(change, message.txId)));
    for (const tell of tells) tell();
    if (message.type === "subscribed" && message.resumed) this.settleLater(this.byId.get(message.id));
  }

  private settleLater(live: Live | undefined): void {
    if (live !== undefined) this.options.clock.after(SETTLE_MS, () => live.endAnswered());
  }

  /** Rows that cannot be shown as the user wants them end their query, and no other. */
  private taken(id: number, take: (live: Live) => () => void): () => void {
    const live = this.byId.get(id);
    if (live === undefined) return () => {};
    try {
      return take(live);
    } catch (error) {
      this.byId.delete(id);
      this.options.send({ type: "unsubscribe", id });
      const refusal =
        error instanceof CosmictronError ? error : new CosmictronError("protocol", `malformed rows: ${error}`);
      return () => live.fail(refusal);
    }
  }

  /** An error with the id of a subscription ends it. False where there is none. */
  fail(id: number, error: CosmictronError): boolean {
    const live = this.byId.get(id);
    if (live === undefined) return false;
    this.byId.delete(id);
    if (TRANSIENT.has(error.code)) this.askLater(live, error);
    else live.fail(error);
    return true;
  }

  private askLater(live: Live, error: CosmictronError): void {
    live.suspend(false);
    live.attempt += 1;
    const { clock, reconnect } = this.options;
    const ms = (error.retryAfter ?? 0) * 1000 + delay(live.attempt, clock.random(), reconnect);
    this.retries.get(live)?.();
    this.retries.set(
      live,
      clock.after(ms, () => {
        if (live.holders > 0 && live.error === null) this.ask(live);
      }),
    );
  }

  dehydrate(): DehydratedQuery[] {
    return [...this.all.values()]
      .filter((live) => live.getSnapshot().status !== "pending")
      .map((live) => live.dehydrate());
  }

  close(error: CosmictronError): void {
    for (const cancel of [...this.graces.values(), ...this.retries.values()]) cancel();
    this.byId.clear();
    this.refuse(error);
  }

  private held(): Live[] {
    return [...this.all.values()].filter((live) => live.holders > 0);
  }

  private keep(live: Live): void {
    this.graces.get(live)?.();
    this.graces.delete(live);
  }

  private hold(live: Live): void {
    this.keep(live);
    if (live.holders > 1 || live.id !== null) return;
    // A handle that was kept after the query was let go is found again.
    this.all.set(nameOf(live.sql, live.params, live.key), live);
    if (live.error !== null) live.revive();
    const refusal = this.options.want();
    if (refusal !== null) live.fail(refusal);
    else this.ask(live);
  }

  private release(live: Live): void {
    if (live.holders > 0) return;
    this.graces.set(
      live,
      this.options.clock.after(GRACE_MS, () => this.drop(live)),
    );
  }

  private drop(live: Live): void {
    this.graces.delete(live);
    this.retries.get(live)?.();
    this.retries.delete(live);
    const name = nameOf(live.sql, live.params, live.key);
    if (this.all.get(name) === live) this.all.delete(name);
    if (live.id === null) return;
    this.byId.delete(live.id);
    this.options.send({ type: "unsubscribe", id: live.id });
    live.suspend(false);
  }

  private ask(live: Live): void {
    if (live.id !== null || !this.options.isConnected()) return;
    live.id = this.options.nextId();
    this.byId.set(live.id, live);
    const since = live.getSnapshot().txId;
    this.options.send({ type: "subscribe", id: live.id, query: live.sql, params: live.params, since });
  }
}

/** Equal for what asks the same. */
const nameOf = (sql: string, params: Params, key: readonly string[] | undefined): string =>
  writeJson([sql, params, key ?? null]);
