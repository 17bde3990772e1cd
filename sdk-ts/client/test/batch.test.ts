/** Batches against what was written, and against the document's own example. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeBatch } from "../src/protocol/batch.js";
import { readJson, writeJson } from "../src/protocol/json.js";
import { orderOf } from "../src/rows/order.js";
import { encodeBatch } from "../src/testing/encode.js";

test("the example of docs/protocol.md is read", () => {
  const hex =
    "38000000 03000000 09000000 03000000 03020000 05010100 01010100 0100 2c01 ffff 04 03 03 00 01 00 01 00 616461 c3a9 f09f9880 0000000000";
  const bytes = Uint8Array.from(hex.replaceAll(" ", "").match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
  const shape = { columns: ["n", "text", "flag"], types: ["i64", "string", "bool"] };
  expect(decodeBatch({ buffer: bytes.buffer, at: 0 }, shape, "number")).toEqual([
    { n: 1, text: "ada", flag: null },
    { n: 300, text: "é😀", flag: true },
    { n: -1, text: null, flag: false },
  ]);
});

test("whatever is written is read, in any number of columns", () => {
  const value = fc.oneof(fc.constant(null), fc.string({ unit: "grapheme" }));
  const columns = fc.record({ text: value, number: fc.option(fc.maxSafeInteger()), bytes: fc.option(fc.uint8Array()) });
  fc.assert(
    fc.property(fc.array(columns, { minLength: 1 }), fc.integer({ min: 0, max: 12 }), (some, more) => {
      const extra = Array.from({ length: more }, (_, at) => (at === 9 ? "__proto__" : `x${at}`));
      const rows = some.map((row) => ({ ...row, ...Object.fromEntries(extra.map((name) => [name, row.number])) }));
      const names = ["text", "number", "bytes", ...extra];
      const shape = { columns: names, types: names.map((name) => (name === "text" ? "string" : "i64")) };
      const read = decodeBatch({ buffer: encodeBatch(rows, names).buffer as ArrayBuffer, at: 0 }, shape, "number");
      expect(read.map(Object.entries)).toEqual(
        rows.map((row) => names.map((name) => Object.entries(row).find(([n]) => n === name))),
      );
    }),
  );
});

test("integers in JSON keep their digits, and strings that look like them stay strings", () => {
  const value = { a: 9007199254740993n, b: ["9007199254740993", "\u0000n1", 12], c: '\\"1234567890123456789' };
  expect(readJson(writeJson(value), "bigint", "it")).toEqual(value);
  expect(() => readJson("9007199254740993", "number", "it")).toThrow("integer_too_large");
  expect(readJson("9007199254740993", "string", "it")).toBe("9007199254740993");
});

test("rows stand as the query says", () => {
  const rows = [
    { a: 10, b: "b" },
    { a: 9, b: "a" },
    { a: null, b: "c" },
    { a: 10, b: "a" },
  ];
  const check = (by: string, places: number[]) => {
    const order = orderOf(`SELECT a, b FROM t ORDER BY ${by}`, ["a", "b"], ["i64", "string"]);
    expect([...rows].sort(order ?? undefined).map((row) => rows.indexOf(row))).toEqual(places);
  };
  check("a", [1, 0, 3, 2]);
  check("a DESC, b", [2, 3, 0, 1]);
  check("b DESC, a LIMIT 3", [2, 0, 1, 3]);
  check("a NULLS FIRST", [2, 1, 0, 3]);
  check("t.a, 2;", [1, 3, 0, 2]);
  expect(orderOf("SELECT a FROM t", ["a"], ["i64"])).toBeNull();
});

test("texts stand by code points", () => {
  const order = orderOf("SELECT a FROM t ORDER BY a", ["a"], ["string"]);
  const texts = ["😀", "\uff5e", "b", "", "ab", "a"].map((a) => ({ a }));
  expect(texts.sort(order ?? undefined).map(({ a }) => a)).toEqual(["", "a", "ab", "b", "\uff5e", "😀"]);
});
