/** The client against the real server. */
import { CosmictronClient, type LiveUpdate, type Row } from "@cosmictron/client";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { RealServer } from "./start.js";

const MODULE =
  process.env["COSMICTRON_MODULE"] ?? "../../examples/my-agent/target/wasm32-unknown-unknown/release/my_agent.wasm";
const ALL = "SELECT id, session_id, role, content FROM agent_state WHERE session_id = $1 ORDER BY id";

let server: RealServer;
let accounts = 0;
const clients: CosmictronClient[] = [];

beforeAll(async () => {
  server = await RealServer.start();
  await server.deploy("my-agent", MODULE);
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});
afterAll(() => server.stop());

async function signedUp(options = {}): Promise<CosmictronClient> {
  const client = new CosmictronClient(server.url, options);
  clients.push(client);
  accounts += 1;
  await client.signUp({ email: `user${accounts}@example.com`, password: "secret" });
  return client;
}

const message = (session_id: string, content: string) => ({ session_id, role: "user", content });

function updates(subscription: { on(event: "update", hear: (update: LiveUpdate<Row>) => void): void }) {
  return new Promise<LiveUpdate<Row>>((resolve) => subscription.on("update", resolve));
}

test("what a reducer writes comes to those who follow it, and is there when the call is answered", async () => {
  const client = await signedUp();
  const subscription = await client.subscribe(ALL, ["one"]);
  expect(subscription.rows).toEqual([]);
  const update = updates(subscription);
  const { txId, result } = await client.callReducerDetailed("record_agent_message", message("one", "Hello é😀"));
  expect(subscription.rows).toEqual([{ id: result, ...message("one", "Hello é😀") }]);
  expect(await update).toMatchObject({ txId, deletes: [], updates: [], inserts: [{ content: "Hello é😀" }] });
  const rows = await client.query(ALL, ["one"]);
  expect([...rows]).toEqual(subscription.rows);
  expect(rows.columns).toEqual(["id", "session_id", "role", "content"]);
});

test("a call and a subscription outlive a crash of the server", async () => {
  const client = await signedUp({ reconnect: { delayMs: 10, delayMsMax: 100 } });
  const subscription = await client.subscribe(ALL, ["two"]);
  await client.callReducer("record_agent_message", message("two", "before"));
  const [before] = subscription.rows;
  const crashed = server.crash();
  const call = client.callReducer("record_agent_message", message("two", "after"));
  await Promise.all([crashed, call]);
  await expect.poll(() => subscription.rows.map((row) => row["content"])).toEqual(["before", "after"]);
  expect(subscription.rows[0]).toBe(before);
  expect(subscription.live.getSnapshot().status).toBe("live");
});

test("a call that is repeated with its key runs once", async () => {
  const client = await signedUp();
  const first = await client.callReducer("record_agent_message", message("three", "once"), { idempotencyKey: "k" });
  const again = await client.callReducer("record_agent_message", message("three", "once"), { idempotencyKey: "k" });
  expect(again).toBe(first);
  expect(await client.query(ALL, ["three"])).toHaveLength(1);
});

test("refusals have the server's codes", async () => {
  const client = await signedUp();
  await expect(client.callReducer("no_such", {})).rejects.toMatchObject({ code: "not_found" });
  await expect(client.query("SELECT nonsense")).rejects.toMatchObject({ code: "invalid_request" });
  await expect(client.subscribe("SELECT nonsense")).rejects.toMatchObject({ code: "invalid_request" });
  await expect(client.signIn({ email: "user1@example.com", password: "wrong!" })).rejects.toMatchObject({
    code: "unauthenticated",
    status: 401,
  });
});

test("integers of 64 bits come as the option says, and are never rounded", async () => {
  const SQL = "SELECT CAST(9007199254740993 AS BIGINT) AS n";
  const asBigint = await signedUp({ integers: "bigint" });
  expect([...(await asBigint.query(SQL))]).toEqual([{ n: 9007199254740993n }]);
  const asString = await signedUp({ integers: "string" });
  expect([...(await asString.query(SQL))]).toEqual([{ n: "9007199254740993" }]);
  const asNumber = await signedUp();
  await expect(asNumber.query(SQL)).rejects.toMatchObject({ code: "integer_too_large" });
});

test("a token is refreshed without a new connection, and refused after signing out", async () => {
  const client = await signedUp();
  const subscription = await client.subscribe(ALL, ["four"]);
  const before = client.state;
  await client.refresh();
  await client.callReducer("record_agent_message", message("four", "still here"));
  expect(client.state).toEqual(before);
  expect(subscription.rows).toHaveLength(1);
  await client.signOut();
  expect(client.identity).toBeNull();
  expect(subscription.rows).toEqual([]);
  await expect(client.query("SELECT 1")).rejects.toMatchObject({ code: "unauthenticated" });
});
