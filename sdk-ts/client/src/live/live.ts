/** One live query: its rows, what is shown of them, and who looks. Shared by all who ask the same. */
import { Emitter } from "../emitter.js";
import type { CosmictronError } from "../errors.js";
import { decodeBatch, type Shape } from "../protocol/batch.js";
import type { Change, ServerMessage } from "../protocol/message.js";
import { type Difference, HeldRows } from "../rows/held.js";
import { type Order, orderOf } from "../rows/order.js";
import type { Params, Row } from "../schema.js";
import type { DehydratedQuery, Integers, LiveQuery, LiveSnapshot, Off, SubscriptionEvents } from "../types.js";
import type { Layer } from "./overlay.js";

type Subscribed = Extract<ServerMessage, { type: "subscribed" }>;
type Status = LiveSnapshot<Row>["status"];

const PENDING: LiveSnapshot<Row> = { rows: [], status: "pending", error: null, txId: null, columns: [] };

/** Who keeps live queries subscribed while they are held. */
export interface Keeper {
  held(live: Live): void;
  released(live: Live): void;
}

interface Events extends SubscriptionEvents<Row> {
  snapshot: undefined;
}

export class Live implements LiveQuery<Row> {
  /** Its subscription on the present connection. */
  id: number | null = null;
  /** How often in a row the server could not answer now. */
  attempt = 0;
  holders = 0;
  readonly events = new Emitter<Events>();
  private readonly rows = new HeldRows();
  private layers: readonly Layer[] = [];
  private order: Order | null = null;
  private shape: Shape = { columns: [], types: [] };
  private snapshot = PENDING;
  private initial = PENDING;

  constructor(
    readonly sql: string,
    readonly params: Params,
    readonly key: readonly string[] | undefined,
    private readonly integers: Integers,
    private readonly keeper: Keeper,
  ) {}

  readonly getSnapshot = (): LiveSnapshot<Row> => this.snapshot;
  readonly getServerSnapshot = (): LiveSnapshot<Row> => this.initial;

  readonly subscribe = (listener: () => void): Off => {
    const off = this.events.on("snapshot", listener);
    const release = this.hold();
    return () => {
      off();
      release();
    };
  };

  get ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      const release = this.subscribe(() => settle());
      const settle = () => {
        const { status, error } = this.snapshot;
        if (status !== "live" && error === null) return;
        release();
        if (error === null) resolve();
        else reject(error);
      };
      queueMicrotask(settle);
    });
  }

  /** Keeps it up to date until what is returned is called. */
  hold(): Off {
    this.holders += 1;
    this.keeper.held(this);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.holders -= 1;
      this.keeper.released(this);
    };
  }

  get error(): CosmictronError | null {
    return this.snapshot.error;
  }

  /** The first answer on a connection; what is returned tells of it. */
  answered(message: Subscribed): () => void {
    this.attempt = 0;
    this.shape = { columns: message.columns, types: message.types };
    this.order = orderOf(this.sql, message.columns, message.types);
    const isFirst = this.snapshot.status === "pending";
    const difference = message.resumed ? null : this.replaced(message);
    // What an answered call did is in these rows; where they are resumed, in the update that follows, if it did anything.
    if (!message.resumed) this.dropAnswered();
    this.show("live", null, message.txId, true);
    return () => {
      this.tell();
      this.events.emit("ready", this.snapshot);
      if (!isFirst && difference !== null) this.tellUpdate(difference, message.txId);
    };
  }

  private replaced(message: Subscribed): Difference {
    const key = this.key ?? message.key?.map((place) => message.columns[place] ?? "") ?? null;
    return this.rows.replace(message.rows === null ? [] : decodeBatch(message.rows, this.shape, this.integers), key);
  }

  /** Takes in a transaction; what is returned tells of it, when all queries have taken it in. */
  changed(change: Change, txId: number): () => void {
    const inserts = decodeBatch(change.inserts, this.shape, this.integers);
    const difference = this.rows.apply(inserts, decodeBatch(change.deletes, this.shape, this.integers));
    this.dropAnswered();
    this.show("live", null, txId, true);
    return () => {
      this.tell();
      this.tellUpdate(difference, txId);
    };
  }

  /** The connection is lost: what is held may be out of date. `forget`: it may also be hidden now, so all is asked anew. */
  suspend(forget: boolean): void {
    this.id = null;
    const { status, txId } = this.snapshot;
    if (status !== "live" && status !== "stale") return;
    this.show("stale", null, forget ? null : txId, false);
    this.tell();
  }

  /** Another account: nothing of what was held is its own. */
  clear(): void {
    this.id = null;
    this.attempt = 0;
    this.layers = [];
    this.rows.replace([], null);
    this.snapshot = PENDING;
    this.tell();
  }

  fail(error: CosmictronError): void {
    this.id = null;
    this.show("error", error, null, false);
    this.tell();
    this.events.emit("error", error);
  }

  /** After an error: asks again. */
  revive(): void {
    this.show("pending", null, null, false);
    this.tell();
  }

  /** Rows that a server has rendered. They are no base for `since`: they may be another account's, and have lost types. */
  hydrate(query: DehydratedQuery): void {
    this.rows.replace(query.rows, this.key ?? null);
    this.initial = { rows: query.rows, status: "stale", error: null, txId: null, columns: query.columns };
    this.snapshot = this.initial;
  }

  dehydrate(): DehydratedQuery {
    const { columns, txId } = this.snapshot;
    const rows = this.order === null ? [...this.rows] : [...this.rows].sort(this.order);
    return { sql: this.sql, params: this.params, columns, rows, txId };
  }

  addLayer(layer: Layer): void {
    this.layers = [...this.layers, layer];
    this.showAgain();
  }

  /** A call's answer comes behind the update that shows what it did, unless the connection was lost in between. */
  endLayer(layer: Layer, hasFailed: boolean): void {
    layer.isAnswered = true;
    if (!hasFailed && this.snapshot.status === "stale") return;
    this.layers = this.layers.filter((other) => other !== layer);
    this.showAgain();
  }

  /** No update has come behind a resumed answer: the calls answered meanwhile have changed nothing here. */
  endAnswered(): void {
    if (this.snapshot.status !== "live" || !this.layers.some((layer) => layer.isAnswered)) return;
    this.dropAnswered();
    this.showAgain();
  }

  private dropAnswered(): void {
    this.layers = this.layers.filter((layer) => !layer.isAnswered);
  }

  private showAgain(): void {
    const { status, error, txId } = this.snapshot;
    this.show(status, error, txId, true);
    this.tell();
  }

  private show(status: Status, error: CosmictronError | null, txId: number | null, hasChanged: boolean): void {
    const rows = hasChanged ? this.shownRows() : this.snapshot.rows;
    const columns = this.shape.columns.length === 0 ? this.snapshot.columns : this.shape.columns;
    this.snapshot = { rows, status, error, txId, columns };
  }

  private shownRows(): readonly Row[] {
    const rows = this.layers.reduce<readonly Row[]>((rows, layer) => layer.show(rows), [...this.rows]);
    return this.order === null ? rows : [...rows].sort(this.order);
  }

  private tell(): void {
    this.events.emit("snapshot", undefined);
  }

  private tellUpdate(difference: Difference, txId: number): void {
    if (difference.inserts.length + difference.deletes.length === 0) return;
    this.events.emit("update", { ...difference, txId });
  }
}
