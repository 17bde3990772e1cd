/** What must and must not compile. Never run. */
import type { CosmictronClient } from "@cosmictron/client";
import { CosmictronProvider, createHooks, useQuery, useReducer } from "../src/index.js";

interface UserRow {
  id: number;
  username: string;
}

type Schema = {
  tables: { users: { row: UserRow; key: "id" } };
  reducers: { create_user: { args: { username: string }; result: number } };
};

const hooks = createHooks<Schema>();

export function useTyped(client: CosmictronClient<Schema>) {
  CosmictronProvider({ client });
  const create = hooks.useReducer("create_user", { optimistic: (_local, args) => args.username.length });
  const id: Promise<number> = create({ username: "ada" });
  // @ts-expect-error: no such argument
  create({ name: "ada" });
  // @ts-expect-error: no such reducer
  hooks.useReducer("remove_user");
  const name: string | undefined = hooks.useQuery<UserRow>("SELECT * FROM users").rows[0]?.username;
  // @ts-expect-error: no such column
  hooks.useQuery<UserRow>("SELECT * FROM users").rows[0]?.email;
  // @ts-expect-error: rows are the client's
  hooks.useQuery<UserRow>("SELECT * FROM users").rows.push({ id: 1, username: "ada" });
  const typed: CosmictronClient<Schema> = hooks.useClient();
  return { id, name, typed };
}

export function useUntyped() {
  const rows = useQuery("SELECT * FROM users", [1n, new Uint8Array(2)]).rows;
  return [rows.map((row) => row.anything), useReducer("whatever")({ a: 1 }), useReducer("whatever")([1])];
}
