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

  async *[Symbol.asyncIterator](): AsyncGenerator<LiveUpdate<Row>, void, undefined> {
    const updates: LiveUpdate<Row>[] = [];
    let failure: CosmictronError | null = this.live.error;
    let wake = () => {};
    const end = () => wake();
    const offs = [
      this.on("update", (update) => {
        updates.push(update);
        if (updates.length > BACKLOG_MAX) this.unsubscribe();
        wake();
      }),
      this.on("error", (error) => {
        failure = error;
        wake();
      }),
    ];
    this.ends.add(end);
    try {
      while (true) {
        const next = updates.shift();
        if (next !== undefined) yield next;
        else if (failure !== null) throw failure;
        else if (this.isOver) return;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      this.ends.delete(end);
      for (const off of offs) off();
    }
  }
}
