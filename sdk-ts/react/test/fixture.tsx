/** A fake server with a table of users, and a client that is signed in to it. */
import { CosmictronClient, memoryTokens, type Row } from "@cosmictron/client";
import { FakeServer } from "@cosmictron/client/testing";
import type { ReactNode } from "react";
import { CosmictronProvider } from "../src/index.js";

export const USERS = "SELECT * FROM users";
const COLUMNS = { columns: ["id", "username"], types: ["u64", "string"], key: ["id"] };
export const ada: Row = { id: 1, username: "ada" };
export const bob: Row = { id: 2, username: "bob" };

export async function connected(rows: Row[] = [ada]) {
  const server = new FakeServer();
  server.query(USERS, { ...COLUMNS, rows });
  server.reducer("create_user", ({ username }) => {
    if (username === "") throw new Error("the name is empty");
    return { changes: [{ sql: USERS, inserts: [{ id: 2, username }] }], result: 2 };
  });
  const client = new CosmictronClient(server.url, { ...server.options(), tokens: memoryTokens() });
  await client.signIn({ email: "user@example.com", password: "secret" });
  const wrapper = ({ children }: { children: ReactNode }) => (
    <CosmictronProvider client={client}>{children}</CosmictronProvider>
  );
  return { server, client, wrapper };
}
