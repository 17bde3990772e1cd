/** Optimistic writes: what calls in flight will do, shown on top of the server's rows until they are answered. */
import type { Row } from "../schema.js";

type Write =
  | { readonly do: "insert"; readonly row: Row }
  | { readonly do: "update"; readonly match: Row; readonly patch: Row }
  | { readonly do: "delete"; readonly match: Row };

/** One call's writes to one live query. */
export class Layer {
  /** The call is answered, but its rows may still be on their way: the connection was lost meanwhile. */
  isAnswered = false;
  readonly writes: Write[] = [];

  show(rows: readonly Row[]): readonly Row[] {
    return this.writes.reduce<readonly Row[]>(applied, rows);
  }
}

function applied(rows: readonly Row[], write: Write): readonly Row[] {
  switch (write.do) {
    case "insert":
      return [...rows, write.row];
    case "update":
      return rows.map((row) => (matches(row, write.match) ? { ...row, ...write.patch } : row));
    case "delete":
      return rows.filter((row) => !matches(row, write.match));
  }
}

const matches = (row: Row, match: Row): boolean => Object.keys(match).every((column) => row[column] === match[column]);
