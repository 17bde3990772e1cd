// The reference page's snippets, as they are printed: compiled with the tests, and run against the real server. The one line
// that is no code there, the body `{ ... }` of a listener, notes what it is told here; the address is that of the test's server.
import { CosmictronClient } from "@cosmictron/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Server } from "./server.js";

let server: Server;
beforeAll(async () => {
  server = await Server.start();
  const first = new CosmictronClient(server.url);
  await first.signUp({ email: "user@example.com", password: "secret" });
  first.close();
});
afterAll(() => server.stop());

test("the reference page works as printed", async () => {
  const told: unknown[] = [];
  const client = new CosmictronClient(server.url);
  // Auth
  await client.signIn({ email: 'user@example.com', password: 'secret' });
  // Call a reducer
  await client.callReducer('create_user', { username: 'alice' });
  // Subscribe to a query
  const sub = await client.subscribe('SELECT * FROM users');
  sub.on('update', ({ inserts, deletes }) => { told.push([inserts, deletes]); });
  await client.callReducer('create_user', { username: 'bob' });
  sub.unsubscribe();
  // Direct SQL query (read-only)
  const rows = await client.query('SELECT * FROM users WHERE id = $1', [1]);

  expect(rows).toEqual([{ id: 1, username: "alice" }]);
  expect(told).toEqual([[[{ id: 2, username: "bob" }], []]]);
  client.close();
});
