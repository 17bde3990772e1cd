// The guide to testing is a test: its snippet runs as it is printed.
import { readFileSync } from "node:fs";
import { CosmictronClient } from '@cosmictron/client';
import { FakeClock, FakeServer } from '@cosmictron/client/testing';
import { expect, test } from "vitest";

test("the guide to testing works as printed", async () => {
  // begin
  const clock = new FakeClock();
  const server = new FakeServer(() => clock.now());
  const USERS = 'SELECT * FROM users';
  server.query(USERS, { columns: ['id', 'username'], types: ['u64', 'string'], key: ['id'], rows: [{ id: 1, username: 'ada' }] });
  server.reducer('create_user', ({ username }) => ({
    changes: [{ sql: USERS, inserts: [{ id: 2, username }] }],
    result: 2,
  }));

  const client = new CosmictronClient(server.url, { ...server.options(), clock });
  await client.signIn({ email: 'user@example.com', password: 'secret' });
  const sub = await client.subscribe(USERS);
  await client.callReducer('create_user', { username: 'bob' });
  expect(sub.rows).toEqual([{ id: 1, username: 'ada' }, { id: 2, username: 'bob' }]);
  // end
});

test("the guide prints what is run", () => {
  const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
  const run = read("guide.test.ts").split("  // begin\n")[1]?.split("  // end\n")[0]?.replace(/^ {2}/gm, "");
  expect(read("../docs/testing.md")).toContain(run);
});
