/** The TypeScript of the reference page, as printed there but for the address; `{ ... }` has a body. */
import { CosmictronClient } from "@cosmictron/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RealServer } from "./start.js";

const MODULE =
  process.env["COSMICTRON_REFERENCE_MODULE"] ??
  "test/server/module/target/wasm32-unknown-unknown/release/reference.wasm";

let server: RealServer;
beforeAll(async () => {
  server = await RealServer.start();
  await server.deploy("reference", MODULE);
  const first = new CosmictronClient(server.url);
  await first.signUp({ email: "user@example.com", password: "secret" });
  first.close();
});
afterAll(() => server.stop());

test("the reference page works", async () => {
  const client = new CosmictronClient(server.url);
  // Auth
  await client.signIn({ email: "user@example.com", password: "secret" });
  // Call a reducer
  await client.callReducer("create_user", { username: "alice" });
  // Subscribe to a query
  const sub = await client.subscribe("SELECT * FROM users");
  const told: unknown[] = [];
  sub.on("update", ({ inserts, deletes }) => {
    told.push({ inserts, deletes });
  });
  expect(sub.rows).toEqual([{ id: 1, username: "alice" }]);
  await client.callReducer("create_user", { username: "bob" });
  sub.unsubscribe();
  // Direct SQL query (read-only)
  const rows = await client.query("SELECT * FROM users WHERE id = $1", [1]);
  expect(told).toEqual([{ inserts: [{ id: 2, username: "bob" }], deletes: [] }]);
  expect([...rows]).toEqual([{ id: 1, username: "alice" }]);
  client.close();
});
