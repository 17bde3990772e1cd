/** A live query with events, as `client.subscribe` gives it. */
import type { CosmictronError } from "../errors.js";
import type { Row } from "../schema.js";
import type { LiveUpdate, Off, Subscription, SubscriptionEvents } from "../types.js";
import type { Live } from "./live.js";

/** Updates that wait for a `for await` loop. A loop that is further behind ends. */
const BACKLOG_MAX = 10_000;

export class HeldSubscription implements Subscription<Row> {
  private readonly offs: Off[];
  private readonly ends = new Set<() => void>();
  private isOver = false;

  constructor(readonly live: Live) {
    this.offs = [live.hold()];
  }

  get rows(): readonly Row[] {
    return this.live.getSnapshot().rows;
  }

  on<E extends keyof SubscriptionEvents<Row>>(event: E, listener: (value: SubscriptionEvents<Row>[E]) => void): Off {
    if (this.isOver) return () => {};
    const off = this.live.events.on(event, listener as never);
    this.offs.push(off);
    return off;
  }

  unsubscribe(): void {
    this.isOver = true;
    for (const off of this.offs.splice(0)) off();
    for (const end of [...this.ends]) end();
  }

  /** Listens from now on, not only from the first `next()`. */
  [Symbol.asyncIterator](): AsyncGenerator<LiveUpdate<Row>, void, undefined> {
    const backlog: Backlog = { updates: [], failure: this.live.error, wake: () => {} };
    const offs = [
      this.on("update", (update) => {
        backlog.updates.push(update);
        if (backlog.updates.length > BACKLOG_MAX) this.unsubscribe();
        backlog.wake();
      }),
      this.on("error", (error) => {
        backlog.failure = error;
        backlog.wake();
      }),
    ];
    return this.yieldFrom(backlog, offs);
  }

  private async *yieldFrom(backlog: Backlog, offs: readonly Off[]): AsyncGenerator<LiveUpdate<Row>, void, undefined> {
    const end = () => backlog.wake();
    this.ends.add(end);
    try {
      while (true) {
        const next = backlog.updates.shift();
        if (next !== undefined) yield next;
        else if (backlog.failure !== null) throw backlog.failure;
        else if (this.isOver) return;
        else {
          await new Promise<void>((resolve) => {
            backlog.wake = resolve;
          });
        }
      }
    } finally {
      this.ends.delete(end);
      for (const off of offs) off();
    }
  }
}

/** What a `for await` loop has still to take. */
interface Backlog {
  readonly updates: LiveUpdate<Row>[];
  failure: CosmictronError | null;
  /** Ends the loop's wait. */
  wake: () => void;
}
