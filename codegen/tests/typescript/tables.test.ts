// What the helpers say in SQL.

import assert from "node:assert/strict";
import { test } from "node:test";

import { tables } from "./golden/number/tables.js";

const all = 'SELECT "id", "name" FROM "room"';

test("a table is a query of all its rows", () => {
  assert.equal(tables.room.sql, all);
  assert.deepEqual(tables.room.params, []);
  assert.equal(tables.aB2.sql, 'SELECT "class" FROM "a_b"');
});

test("values are parameters, never text", () => {
  const query = tables.room.where({ name: "x' OR 1=1" }).where({ id: [1, 2] });
  assert.equal(query.sql, `${all} WHERE ("name" IN ($1)) AND ("id" IN ($2, $3))`);
  assert.deepEqual(query.params, ["x' OR 1=1", 1, 2]);
});

test("null is compared as SQL has it, and of no values none fits", () => {
  const query = tables.loud.where({ text: ["a", null] }).where({ text: null }).where({ id: [] });
  const conditions = '("text" IN ($1) OR "text" IS NULL) AND ("text" IS NULL) AND FALSE';
  assert.equal(query.sql, `SELECT "id", "text" FROM "loud" WHERE ${conditions}`);
  assert.deepEqual(query.params, ["a"]);
});

test("a query is not changed by those that are made of it", () => {
  const first = tables.room.where({ id: 1 });
  const second = first.orderBy("name", "desc").orderBy("id").limit(0);
  assert.equal(first.sql, `${all} WHERE ("id" IN ($1))`);
  assert.equal(second.sql, `${first.sql} ORDER BY "name" DESC, "id" LIMIT 0`);
});

test("what is no condition is an error", () => {
  const filter = { id: undefined } as unknown as { id: number };
  assert.throws(() => tables.room.where(filter), { message: "the value of id is undefined" });
  assert.throws(() => tables.room.limit(-1), TypeError);
});
