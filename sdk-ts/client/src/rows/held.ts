/**
 * The rows of a live query's answer. With a key each is known by it, without one rows are a multiset by content. A row that is
 * told again but has not changed stays the same object.
 */
import { writeJson } from "../protocol/json.js";
import type { Row } from "../schema.js";
import type { Updated } from "../types.js";

/** What really changed. `inserts` and `deletes` have the updated rows too. */
export interface Difference {
  readonly inserts: Row[];
  readonly deletes: Row[];
  readonly updates: Updated<Row>[];
}

/** A row in text: equal for equal rows alone. Columns stand as in the answer. */
const contentOf = (row: Row): string => Object.values(row).map(valueText).join(",");
/** Bigints are told from numbers, bytes from text, NaN from its name. */
function valueText(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (value instanceof Uint8Array) return `x${writeJson(value)}`;
  return typeof value === "number" ? String(value) : writeJson(value);
}

export class HeldRows {
  /** By identity; more than one row each only where no key is known. */
  private held = new Map<unknown, Row[]>();
  private key: readonly string[] | null = null;

  *[Symbol.iterator](): Generator<Row> {
    for (const rows of this.held.values()) yield* rows;
  }

  /** The whole answer afresh: keeps its order, and the objects of rows that are equal. */
  replace(rows: readonly Row[], key: readonly string[] | null): Difference {
    const before = [...this];
    this.key = key;
    this.held = new Map();
    for (const row of before) this.put(this.identify(row), row);
    const difference = this.apply(rows, before);
    const ordered = new Map<unknown, Row[]>();
    for (const row of rows) {
      const identity = this.identify(row);
      const held = this.held.get(identity);
      if (held !== undefined) ordered.set(identity, held);
    }
    this.held = ordered;
    return difference;
  }

  /** One transaction: rows that are there once less, and once more. */
  apply(inserts: readonly Row[], deletes: readonly Row[]): Difference {
    const gone = new Map<unknown, Row[]>();
    for (const row of deletes) {
      const identity = this.identify(row);
      const taken = this.take(identity, gone.get(identity)?.length ?? 0);
      if (taken === undefined) continue;
      const others = gone.get(identity);
      if (others === undefined) gone.set(identity, [taken]);
      else others.push(taken);
    }
    const difference: Difference = { inserts: [], deletes: [], updates: [] };
    for (const row of inserts) this.insert(row, gone, difference);
    for (const [identity, rows] of gone) {
      this.remove(identity, rows.length);
      difference.deletes.push(...rows);
    }
    return difference;
  }

  /** A row that has gone stays in its place until it is clear that none comes for it. */
  private insert(row: Row, gone: Map<unknown, Row[]>, difference: Difference): void {
    const identity = this.identify(row);
    const before = gone.get(identity)?.pop();
    if (before === undefined) {
      this.put(identity, row);
      difference.inserts.push(row);
      return;
    }
    if (gone.get(identity)?.length === 0) gone.delete(identity);
    if (this.key === null || contentOf(before) === contentOf(row)) return;
    const held = this.held.get(identity)!;
    held[held.indexOf(before)] = row;
    difference.inserts.push(row);
    difference.deletes.push(before);
    difference.updates.push({ before, after: row });
  }

  private identify(row: Row): unknown {
    if (this.key === null) return contentOf(row);
    if (this.key.length !== 1) return this.key.map((column) => valueText(row[column])).join(",");
    const value: unknown = row[this.key[0]!];
    return typeof value === "object" && value !== null ? valueText(value) : value;
  }

  private put(identity: unknown, row: Row): void {
    const held = this.held.get(identity);
    if (held === undefined) this.held.set(identity, [row]);
    else held.push(row);
  }

  /** The row that stands so many from the end. */
  private take(identity: unknown, skip: number): Row | undefined {
    const held = this.held.get(identity);
    return held?.[held.length - 1 - skip];
  }

  private remove(identity: unknown, count: number): void {
    const held = this.held.get(identity);
    if (held === undefined) return;
    held.splice(held.length - count, count);
    if (held.length === 0) this.held.delete(identity);
  }
}
