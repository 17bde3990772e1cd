import { type ClientOptions, CosmictronClient, CosmictronError, memoryTokens } from "@cosmictron/client";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { Server } from "./server.js";

let server: Server;
let accounts = 0;
const open: CosmictronClient[] = [];
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());
afterEach(() => {
  for (const client of open.splice(0)) client.close();
});

let client: CosmictronClient;
beforeEach(async () => {
  client = await signedUp();
});

async function signedUp(options: ClientOptions = {}): Promise<CosmictronClient> {
  const made = new CosmictronClient(server.url, { reconnect: { delayMs: 20, delayMsMax: 100 }, ...options });
  open.push(made);
  await made.signUp({ email: `user${++accounts}@example.com`, password: "secret" });
  return made;
}

/** Resolves once what is followed satisfies `holds`. */
function until(subscribe: (check: () => void) => () => void, holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    let off = () => {};
    const check = () => {
      if (!holds()) return;
      off();
      resolve();
    };
    off = subscribe(check);
    check();
  });
}

function rejection(work: Promise<unknown>): Promise<CosmictronError> {
  return work.then(
    () => expect.fail("it resolves"),
    (error: unknown) => (error instanceof CosmictronError ? error : expect.fail(`it rejects with ${error}`)),
  );
}

test("a reducer's own refusal comes with its code and words", async () => {
  const error = await rejection(client.callReducer("create_user", { username: "" }));
  expect([error.code, error.detail]).toEqual(["reducer_failed", "a user has a name"]);
});

test("a call with a key that was used gets the first answer and runs nothing", async () => {
  const first = await client.callReducerDetailed("create_user", { username: "once" }, { idempotencyKey: "k" });
  const again = await client.callReducerDetailed("create_user", { username: "once" }, { idempotencyKey: "k" });
  expect([again.txId, again.result]).toEqual([first.txId, first.result]);
  expect(await client.query("SELECT count(*) AS n FROM users WHERE username = 'once'")).toEqual([{ n: 1 }]);
});

test("an update pairs what goes and what comes of one row", async () => {
  const id = await client.callReducer("create_user", { username: "before" });
  const subscription = await client.subscribe("SELECT * FROM users WHERE id = $1", [id], { key: ["id"] });
  const [before] = subscription.rows;
  const told = new Promise((resolve) => subscription.on("update", resolve));
  await client.callReducer("rename_user", { id, username: "after" });
  const after = { id, username: "after" };
  expect(await told).toMatchObject({ inserts: [after], deletes: [before], updates: [{ before, after }] });
  expect(subscription.rows).toEqual([after]);
});

test("rows stay in the order of the query, and keep their identity", async () => {
  const names = ["c", "a", "b"].map((name) => `ordered ${name}`);
  const sql = "SELECT * FROM users WHERE username LIKE 'ordered%' ORDER BY username";
  await client.callReducer("create_user", { username: names[0] });
  const subscription = await client.subscribe(sql);
  const [kept] = subscription.rows;
  for (const username of names.slice(1)) await client.callReducer("create_user", { username });
  expect(subscription.rows.map((row) => row.username)).toEqual([...names].sort());
  expect(subscription.rows[2]).toBe(kept);
});

test("identical queries share a handle and its rows", async () => {
  const one = await client.subscribe("SELECT * FROM users WHERE id < $1", [5]);
  const other = await client.subscribe("SELECT * FROM users WHERE id < $1", [5]);
  expect(other.rows).toBe(one.rows);
  one.unsubscribe();
  const told = new Promise((resolve) => other.on("update", resolve));
  await client.callReducer("create_user", { username: "shared" });
  await client.callReducer("rename_user", { id: 1, username: "renamed" });
  await told;
});

test("for await yields updates until one leaves the loop", async () => {
  const subscription = await client.subscribe("SELECT * FROM users WHERE username = 'looped'");
  const updates = subscription[Symbol.asyncIterator]();
  const first = updates.next();
  await client.callReducer("create_user", { username: "looped" });
  expect((await first).value?.inserts).toMatchObject([{ username: "looped" }]);
  await updates.return?.();
  expect(await updates.next()).toEqual({ done: true, value: undefined });
});

test("what the server refuses to follow ends with its error", async () => {
  expect((await rejection(client.subscribe("SELECT * FROM nothing"))).code).toMatch(/not_found|invalid_request/);
});

const BIG = 18446744073709551615n;

test("a 64-bit integer that no number holds is refused, never rounded", async () => {
  await client.callReducer("add_sample", { id: 1, big: BIG, wide: -1n });
  const error = await rejection(client.query("SELECT * FROM samples WHERE id = 1"));
  expect([error.code, error.detail.includes("big"), error.detail.includes("integers")]).toEqual([
    "integer_too_large",
    true,
    true,
  ]);
  expect((await rejection(client.callReducer("echo", { value: BIG }))).code).toBe("integer_too_large");
  expect((await rejection(client.subscribe("SELECT * FROM samples WHERE id = 1"))).code).toBe("integer_too_large");
});

test("with bigint and with string every digit comes back", async () => {
  await client.callReducer("add_sample", { id: 2, big: BIG, wide: -(2n ** 127n) });
  const [asBigint, asString] = await Promise.all([signedUp({ integers: "bigint" }), signedUp({ integers: "string" })]);
  const sql = "SELECT * FROM samples WHERE big = $1 AND id = 2";
  const rest = { id: 2, raw: new Uint8Array([0, 255]), note: null, weight: 0.5 };
  expect(await asBigint.query(sql, [BIG])).toEqual([{ ...rest, big: BIG, wide: -(2n ** 127n), list: [1, BIG] }]);
  const digits = { big: `${BIG}`, wide: `${-(2n ** 127n)}`, list: [1, `${BIG}`] };
  expect(await asString.query(sql, [BIG])).toEqual([{ ...rest, ...digits }]);
  expect(await asBigint.callReducer("echo", { value: BIG })).toBe(BIG);
  expect(await asString.callReducer("echo", { value: `${BIG}` })).toBe(`${BIG}`);
});

test("an optimistic row is shown at once, and gone when the call fails", async () => {
  const live = client.liveQuery("SELECT * FROM users WHERE username = ''");
  const release = live.subscribe(() => {});
  await live.ready;
  const call = client.callReducer(
    "create_user",
    { username: "" },
    { optimistic: (local) => local.insert(live, { id: 0, username: "" }) },
  );
  expect(live.getSnapshot().rows).toEqual([{ id: 0, username: "" }]);
  expect((await rejection(call)).code).toBe("reducer_failed");
  expect(live.getSnapshot().rows).toEqual([]);
  release();
});

test("an aborted call, and one that is too late, say so", async () => {
  expect((await rejection(client.query("SELECT 1", [], { signal: AbortSignal.abort() }))).code).toBe("aborted");
  await server.kill();
  try {
    expect((await rejection(client.query("SELECT 1", [], { timeout: 50 }))).code).toBe("timeout");
    const abort = new AbortController();
    const waiting = rejection(client.callReducer("echo", { value: 1 }, { signal: abort.signal }));
    abort.abort();
    expect((await waiting).code).toBe("aborted");
  } finally {
    await server.run();
  }
});

test("without a session calls fail at once, and with a sign-in under way they wait for it", async () => {
  const stranger = new CosmictronClient(server.url, { tokens: memoryTokens() });
  open.push(stranger);
  expect((await rejection(stranger.query("SELECT 1"))).code).toBe("unauthenticated");
  const signIn = stranger.signIn({ email: "user1@example.com", password: "secret" });
  expect(await stranger.callReducer("echo", { value: 7 })).toBe(7);
  await signIn;
  const wrong = await rejection(stranger.signIn({ email: "user1@example.com", password: "other secret" }));
  expect([wrong.code, wrong.status]).toEqual(["unauthenticated", 401]);
});

test("a refreshed token goes on with the same connection; signing out ends it", async () => {
  await client.query("SELECT 1");
  const before = client.state;
  await client.refresh();
  expect(await client.callReducer("echo", { value: 1 })).toBe(1);
  expect(client.state).toEqual(before);
  await client.signOut();
  expect(client.identity).toBeNull();
  expect((await rejection(client.query("SELECT 1"))).code).toBe("unauthenticated");
});

test("a stored session is used by the next client", async () => {
  const tokens = memoryTokens();
  const first = await signedUp({ tokens });
  const next = new CosmictronClient(server.url, { tokens });
  open.push(next);
  await next.query("SELECT 1");
  expect(next.identity).toBe(first.identity);
});

test("calls that a killed server left unanswered run once, and rows are the server's again", async () => {
  const names = Array.from({ length: 60 }, (_, number) => `survivor ${number}`);
  const sql = "SELECT * FROM users WHERE username LIKE 'survivor%'";
  const subscription = await client.subscribe(sql);
  const half = names.slice(0, 30).map((username) => client.callReducer("create_user", { username }));
  await half[0];
  await server.kill();
  const rest = names.slice(30).map((username) => client.callReducer("create_user", { username }));
  await server.run();
  await Promise.all([...half, ...rest]);
  await until(
    (check) => subscription.live.subscribe(check),
    () => subscription.rows.length === names.length,
  );
  const rows = await client.query(`${sql} ORDER BY id`);
  expect(rows.map((row) => row.username).sort()).toEqual([...names].sort());
  const byId = (one: { id: number }, other: { id: number }) => one.id - other.id;
  expect([...subscription.rows].sort(byId as never)).toEqual([...rows]);
});

test("after a lost connection only what has changed comes, and rows that have not keep their identity", async () => {
  const other = await signedUp();
  const [kept, changed] = await Promise.all(
    ["kept", "changed"].map((name) => client.callReducer("create_user", { username: `resumed ${name}` })),
  );
  const sql = "SELECT * FROM users WHERE username LIKE 'resumed%' ORDER BY id";
  const subscription = await client.subscribe(sql, [], { key: ["id"] });
  const row = subscription.rows.find(({ id }) => id === kept);
  const told: unknown[] = [];
  subscription.on("update", ({ inserts, deletes, updates }) =>
    told.push([inserts.length, deletes.length, updates.length]),
  );
  server.disconnect();
  await other.callReducer("rename_user", { id: changed, username: "resumed and changed" });
  await until(
    (check) => subscription.live.subscribe(check),
    () => subscription.rows.some(({ username }) => username === "resumed and changed"),
  );
  expect(told).toEqual([[1, 1, 1]]);
  expect(subscription.rows.find(({ id }) => id === kept)).toBe(row);
});

test("what a call did is held when the call is answered", async () => {
  const sql = "SELECT id, username FROM users WHERE username = $1";
  const subscription = await client.subscribe(sql, ["é😀"]);
  const { result: id, txId } = await client.callReducerDetailed("create_user", { username: "é😀" });
  expect(subscription.rows).toEqual([{ id, username: "é😀" }]);
  expect(subscription.live.getSnapshot().txId).toBe(txId);
  const rows = await client.query(sql, ["é😀"]);
  expect([rows.columns, rows.types, [...rows]]).toEqual([["id", "username"], ["u64", "string"], subscription.rows]);
});

test("refusals have the server's codes", async () => {
  expect((await rejection(client.callReducer("no_such"))).code).toBe("not_found");
  expect((await rejection(client.callReducer("echo", { value: "x" }))).code).toBe("invalid_request");
  expect((await rejection(client.query("SELECT nonsense"))).code).toBe("invalid_request");
});

test("signing out hides the rows that were shown", async () => {
  const subscription = await client.subscribe("SELECT * FROM users");
  expect(subscription.rows).not.toEqual([]);
  await client.signOut();
  expect(subscription.rows).toEqual([]);
});
