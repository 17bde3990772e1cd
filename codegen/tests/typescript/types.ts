// What is a mistake does not compile, and what is none does.

import { useReducer, useTable } from "./golden/number/hooks.js";
import type { MessageRow, Schema, SendArgs, Shape } from "./golden/number/schema.js";
import { tables } from "./golden/number/tables.js";

const sent: SendArgs = { room: 1, at: 5n, raw: new Uint8Array(), weight: "NaN", all: [] };
// An option may be left out; nothing else may.
export const absent: SendArgs = { ...sent, reply_to: undefined, where: null };
// @ts-expect-error: `room` is missing.
export const short: SendArgs = { at: 5n, raw: "\\x00", weight: 1, all: [] };

export const circle: Shape = { Circle: { centre: { x: 0, y: "Infinity" }, radius: 1 } };
// @ts-expect-error: there is no such variant.
export const square: Shape = "Square";

export function areaOf(shape: Shape): number {
  if (shape === "Nothing") return 0;
  if ("Circle" in shape) return Number(shape.Circle.radius) ** 2 * Math.PI;
  if ("Line" in shape) return Number(shape.Line[0].x);
  return shape.Self.length;
}

tables.message.where({ room: [1, 2], reply_to: null }).orderBy("id", "desc").limit(3);
// @ts-expect-error: a room is a number.
tables.message.where({ room: "one" });
// @ts-expect-error: a struct is not compared with.
tables.message.where({ marker: {} });
// @ts-expect-error: a value that is not there is a mistake, not a condition that is left out.
tables.message.where({ room: undefined });
// @ts-expect-error: there is no such column.
tables.message.orderBy("nothing");

export function useMessages(): readonly MessageRow[] {
  const send = useReducer("send");
  void send(sent).then((id) => id.toFixed());
  // @ts-expect-error: there is no such reducer.
  useReducer("start");
  const { rows } = useTable(tables.message.where({ room: 1 }));
  // @ts-expect-error: rows are not changed.
  if (rows[0]) rows[0].room = 2;
  return rows;
}

// As `CosmictronClient<Schema>` is typed.
interface AnySchema {
  tables: Record<string, { row: object; key: string }>;
  reducers: Record<string, { args: object; result: unknown }>;
}

interface Calls<S extends AnySchema> {
  callReducer<Name extends keyof S["reducers"] & string>(
    name: Name,
    args?: S["reducers"][Name]["args"],
  ): Promise<S["reducers"][Name]["result"]>;
}

export async function calls(client: Calls<Schema>): Promise<number> {
  await client.callReducer("delete");
  // @ts-expect-error: an argument has another type.
  await client.callReducer("send", { ...sent, room: "one" });
  // @ts-expect-error: there is no such reducer.
  await client.callReducer("sent", sent);
  return client.callReducer("send", sent);
}

export type Key = Schema["tables"]["message"]["key"];
export const key: Key = "id";
