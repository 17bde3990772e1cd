/** The whole client over the fake server. */
import { type ClientOptions, CosmictronClient, type LiveUpdate, type Row } from "@cosmictron/client";
import { FAKE_IDENTITY, FakeClock, FakeServer } from "@cosmictron/client/testing";
import fc from "fast-check";
import { expect, test } from "vitest";

const USERS = "SELECT id, username FROM users";
const COLUMNS = { columns: ["id", "username"], types: ["u64", "string"] };

function setUp(options: ClientOptions = {}, key: readonly string[] | undefined = ["id"]) {
  const clock = new FakeClock();
  const server = new FakeServer(() => clock.now());
  server.query(USERS, { ...COLUMNS, ...(key === undefined ? {} : { key }), rows: [{ id: 1, username: "ada" }] });
  server.reducer("create_user", (user) => ({ changes: [{ sql: USERS, inserts: [user] }], result: user["id"] }));
  const client = new CosmictronClient(server.url, { ...server.options(), clock, token: "t", ...options });
  return { clock, server, client };
}

/** Until nothing is left to be done but what timers wait for. */
const settled = () => new Promise((resolve) => setImmediate(resolve));
const byId = (rows: readonly Row[]) => [...rows].sort((one, other) => one["id"] - other["id"]);

test("nothing is opened before it is needed", async () => {
  const { server, client } = setUp();
  client.liveQuery(USERS);
  await settled();
  expect(client.state).toEqual({ phase: "idle" });
  expect(server.received).toEqual([]);
});

test("without a session calls fail at once, and during a sign-in they wait for it", async () => {
  const { clock, server } = setUp();
  const client = new CosmictronClient(server.url, { ...server.options(), clock });
  await expect(client.query(USERS)).rejects.toMatchObject({ code: "unauthenticated" });
  const entering = client.signIn({ email: "a@b.c", password: "secret" });
  expect(await client.query(USERS)).toHaveLength(1);
  await entering;
  expect(client.identity).toBe(FAKE_IDENTITY);
});

test("a lost answer never means a second run", async () => {
  const { clock, server, client } = setUp();
  await client.query(USERS);
  server.hold();
  const call = client.callReducer("create_user", { id: 2, username: "bob" });
  await settled();
  server.drop();
  server.release();
  clock.advance(1000);
  expect(await call).toBe(2);
  expect(server.runs).toEqual(["create_user"]);
});

test("an update pairs rows by their key, and rows that did not change stay the same objects", async () => {
  const { server, client } = setUp();
  const subscription = await client.subscribe(USERS);
  await client.callReducer("create_user", { id: 2, username: "bob" });
  const [ada] = subscription.rows;
  const told: LiveUpdate<Row>[] = [];
  subscription.on("update", (update) => told.push(update));
  const change = { sql: USERS, deletes: [{ id: 2, username: "bob" }], inserts: [{ id: 2, username: "rob" }] };
  const txId = server.commit([change]);
  await settled();
  const [before, after] = [
    { id: 2, username: "bob" },
    { id: 2, username: "rob" },
  ];
  expect(told).toEqual([{ txId, inserts: [after], deletes: [before], updates: [{ before, after }] }]);
  expect(subscription.rows[0]).toBe(ada);
});

test("identical queries share one subscription, which ends a moment after the last release", async () => {
  const { clock, server, client } = setUp();
  const [one, other] = [await client.subscribe(USERS), await client.subscribe(USERS)];
  expect(one.live).toBe(other.live);
  one.unsubscribe();
  other.unsubscribe();
  (await client.subscribe(USERS)).unsubscribe();
  clock.advance(5000);
  expect(server.received.map(({ type }) => type)).toEqual(["authenticate", "subscribe", "unsubscribe"]);
});

test("after 4004 everything is asked anew", async () => {
  const { clock, server, client } = setUp();
  await client.subscribe(USERS);
  server.drop(4004);
  clock.advance(1000);
  await settled();
  const last = server.received.at(-1);
  expect(last).toMatchObject({ type: "subscribe", since: null });
});

test("an optimistic row is shown at once, gone when the call fails, and replaced without a gap when it succeeds", async () => {
  const { server, client } = setUp();
  const subscription = await client.subscribe(USERS);
  const seen: string[] = [];
  subscription.live.subscribe(() => seen.push(subscription.rows.map((row) => row["username"]).join(" ")));
  const bob = { id: 2, username: "bob" };
  await client.callReducer("create_user", bob, { optimistic: (local) => local.insert(USERS, bob) });
  expect(seen[0]).toBe("ada bob");
  expect(seen).not.toContain("ada");
  expect(seen.at(-1)).toBe("ada bob");
  server.reducer("refuse", () => {
    throw new Error("no");
  });
  const refused = client.callReducer("refuse", {}, { optimistic: (local) => local.delete(USERS, { id: 1 }) });
  expect(subscription.rows).toEqual([bob]);
  await expect(refused).rejects.toMatchObject({ code: "reducer_failed" });
  expect(subscription.rows).toHaveLength(2);
});

test("requests end by their timeout, their signal, and the bound of the queue", async () => {
  const { clock, server, client } = setUp({ offlineQueue: { callsMax: 1 }, timeout: 100 });
  server.isUp = false;
  const kept = client.callReducer("create_user", { id: 2, username: "bob" });
  await expect(client.callReducer("create_user", {})).rejects.toMatchObject({ code: "offline_queue_full" });
  await settled();
  clock.advance(60_000);
  server.isUp = true;
  await settled();
  clock.advance(60_000);
  expect(await kept).toBe(2);
  server.hold();
  const late = client.query(USERS);
  const abort = new AbortController();
  const aborted = client.query(USERS, [], { signal: abort.signal });
  const both = Promise.allSettled([late, aborted]);
  await settled();
  abort.abort();
  clock.advance(100);
  expect(await both).toMatchObject([{ reason: { code: "timeout" } }, { reason: { code: "aborted" } }]);
});

test("a message that is too long is refused here, since it would end every connection", async () => {
  const { client } = setUp();
  await expect(client.callReducer("create_user", { username: "x".repeat(1 << 20) })).rejects.toMatchObject({
    code: "too_large",
  });
});

test("for await yields each update, and ends with the subscription", async () => {
  const { server, client } = setUp();
  const subscription = await client.subscribe(USERS);
  const loop = (async () => {
    const ids: number[] = [];
    for await (const { inserts } of subscription) ids.push(...inserts.map((row) => row["id"]));
    return ids;
  })();
  server.commit([{ sql: USERS, inserts: [{ id: 2, username: "b" }] }]);
  server.commit([{ sql: USERS, inserts: [{ id: 3, username: "c" }] }]);
  await settled();
  subscription.unsubscribe();
  expect(await loop).toEqual([2, 3]);
});

test("hydrated rows are shown until the first answer", async () => {
  const { client, server, clock } = setUp();
  await client.subscribe(USERS);
  const browser = new CosmictronClient(server.url, { ...server.options(), clock, token: "t" });
  browser.hydrate(JSON.parse(JSON.stringify(client.dehydrate())));
  const live = browser.liveQuery(USERS);
  expect(live.getServerSnapshot()).toMatchObject({ status: "stale", rows: [{ id: 1, username: "ada" }] });
  await live.ready;
  expect(live.getSnapshot().status).toBe("live");
});

const step = fc.oneof(
  fc.record({ do: fc.constant("write" as const), id: fc.integer({ min: 1, max: 5 }), name: fc.constantFrom("a", "b") }),
  fc.record({ do: fc.constant("remove" as const), id: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ do: fc.constant("call" as const) }),
  fc.record({
    do: fc.constantFrom("hold" as const, "release" as const, "settle" as const, "wait" as const, "forget" as const),
  }),
  fc.record({ do: fc.constant("drop" as const), code: fc.constantFrom(1006, 1013, 1001, 4004) }),
);

for (const key of [["id"], undefined]) {
  test(`whatever is lost, repeated or late, the rows end as the server's, ${key ? "by key" : "by content"}`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { clock, server, client } = setUp({ timeout: 1e9 }, key);
        const subscription = await client.subscribe(USERS);
        const held = new Map<number, Row>([[1, { id: 1, username: "ada" }]]);
        let mirror: Row[] = [...subscription.rows];
        subscription.on("update", ({ inserts, deletes }) => {
          for (const row of deletes) mirror = mirror.filter((held) => held !== row);
          mirror.push(...inserts);
        });
        const calls: Promise<unknown>[] = [];
        for (const each of steps) {
          if (each.do === "write" || each.do === "remove") {
            const before = held.get(each.id);
            const after = each.do === "write" ? { id: each.id, username: each.name } : undefined;
            if (after) held.set(each.id, after);
            else held.delete(each.id);
            server.commit([{ sql: USERS, deletes: before ? [before] : [], inserts: after ? [after] : [] }]);
          } else if (each.do === "call")
            calls.push(client.callReducer("create_user", { id: 100 + calls.length, username: "c" }));
          else if (each.do === "drop") server.drop(each.code);
          else if (each.do === "forget") server.remembers = !server.remembers;
          else if (each.do === "hold") server.hold();
          else if (each.do === "release") server.release();
          else if (each.do === "wait") clock.advance(20_000);
          else await settled();
        }
        server.release();
        for (let round = 0; round < 5; round++) {
          await settled();
          clock.advance(20_000);
        }
        await Promise.all(calls);
        await settled();
        const rows = [...held.values(), ...calls.map((_, at) => ({ id: 100 + at, username: "c" }))];
        expect(byId(subscription.rows)).toEqual(byId(rows));
        expect(byId(mirror)).toEqual(byId(rows));
        expect(server.runs).toHaveLength(calls.length);
      }),
      { numRuns: 300 },
    );
  });
}

test("an optimistic row stays while the connection that would have told of the call is lost", async () => {
  const { clock, server, client } = setUp();
  const subscription = await client.subscribe(USERS);
  const seen: number[] = [];
  subscription.live.subscribe(() => seen.push(subscription.rows.length));
  const bob = { id: 2, username: "bob" };
  server.hold();
  const call = client.callReducer("create_user", bob, { optimistic: (local) => local.insert(USERS, bob) });
  await settled();
  server.drop();
  server.release();
  // The repeated call is answered before the query is.
  clock.advance(1000);
  await call;
  await settled();
  expect(new Set(seen)).toEqual(new Set([2]));
  expect(subscription.rows).toEqual([{ id: 1, username: "ada" }, bob]);
});

test("a query that waited for a sign-in ends when that fails, and comes back with the next one", async () => {
  const { clock, server } = setUp();
  let isRefused = true;
  const options = server.options();
  const fetch: typeof globalThis.fetch = async (input, init) => {
    if (isRefused) return Response.json({ code: "unauthenticated", detail: "no" }, { status: 401 });
    return (options.fetch as typeof globalThis.fetch)(input, init);
  };
  const client = new CosmictronClient(server.url, { ...options, fetch, clock });
  const entering = client.signIn({ email: "a@b.c", password: "wrong!" });
  const live = client.liveQuery(USERS);
  live.subscribe(() => {});
  await expect(entering).rejects.toMatchObject({ code: "unauthenticated", status: 401 });
  await settled();
  expect(live.getSnapshot().error).toMatchObject({ code: "unauthenticated" });
  isRefused = false;
  await client.signIn({ email: "a@b.c", password: "secret" });
  await live.ready;
  expect(live.getSnapshot().rows).toHaveLength(1);
});

test("a connection that ends for its token signs out, and hides what was shown", async () => {
  const { clock, server } = setUp();
  const client = new CosmictronClient(server.url, { ...server.options(), clock });
  await client.signUp({ email: "a@b.c", password: "secret" });
  const subscription = await client.subscribe(USERS);
  server.drop(4001);
  expect(client.identity).toBeNull();
  expect(client.state).toEqual({ phase: "idle" });
  expect(subscription.rows).toEqual([]);
});

test("a token is refreshed before it expires, on the same connection", async () => {
  const { clock, server } = setUp();
  const client = new CosmictronClient(server.url, { ...server.options(), clock });
  await client.signUp({ email: "a@b.c", password: "secret" });
  await client.query(USERS);
  clock.advance(3_300_000);
  await settled();
  expect(server.received.filter(({ type }) => type === "authenticate")).toEqual([
    { type: "authenticate", token: "token-1" },
    { type: "authenticate", token: "token-2" },
  ]);
});

test("an iterator knows of updates from when it is made", async () => {
  const { server, client } = setUp();
  const updates = (await client.subscribe(USERS))[Symbol.asyncIterator]();
  server.commit([{ sql: USERS, inserts: [{ id: 2, username: "b" }] }]);
  await settled();
  expect((await updates.next()).value).toMatchObject({ inserts: [{ id: 2 }] });
});

test("a query that nobody ever held is forgotten, and its handle works nevertheless", async () => {
  const { clock, client } = setUp();
  const live = client.liveQuery(USERS);
  expect(client.liveQuery(USERS)).toBe(live);
  clock.advance(5000);
  expect(client.liveQuery(USERS)).not.toBe(live);
  await live.ready;
  expect(live.getSnapshot().rows).toHaveLength(1);
});
