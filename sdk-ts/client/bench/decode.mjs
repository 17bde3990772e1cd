// What a row costs: read from `cosmictron.bin.v1` into objects, against `JSON.parse` of the same rows as the JSON protocol has
// them; and how much memory 100,000 held rows take. `node --expose-gc bench/decode.mjs`, behind a build.
import { decodeBatch } from "../dist/protocol/batch.js";
import { HeldRows } from "../dist/rows/held.js";

const ROWS = 100_000;
const shape = {
  columns: ["id", "session_id", "role", "content", "created_at"],
  types: ["u64", "string", "string", "string", "timestamp"],
};

/** As the server writes them: the least width that holds a column's values, no nulls. */
function batchOf(rows) {
  const text = new TextEncoder();
  const texts = [1, 2, 3].map((column) => rows.map((row) => row[column]).join("")).join("");
  const bytes = text.encode(texts);
  const heads = [2, 4, 0, 0, 5, 1, 0, 0, 5, 1, 0, 0, 5, 1, 0, 0, 3, 8, 0, 0];
  const buffer = new ArrayBuffer(64 + rows.length * 16 + bytes.length + 8);
  new Uint8Array(buffer, 16).set(heads);
  let at = 36;
  new Uint32Array(buffer, at, rows.length).set(rows.map((row) => row[0]));
  at += 4 * rows.length;
  for (const column of [1, 2, 3]) {
    new Uint8Array(buffer, at, rows.length).set(rows.map((row) => row[column].length));
    at += rows.length;
  }
  at = Math.ceil(at / 8) * 8;
  new BigInt64Array(buffer, at, rows.length).set(rows.map((row) => BigInt(row[4])));
  at += 8 * rows.length;
  new Uint8Array(buffer, at).set(bytes);
  new Uint32Array(buffer, 0, 4).set([buffer.byteLength, rows.length, bytes.length, 5]);
  return { buffer, at: 0 };
}

const rowsOf = (count) =>
  Array.from({ length: count }, (_, row) => [
    row,
    `session-${row % 1000}`,
    "user",
    `Hello, this is message ${row}`,
    1_735_689_600_000_000 + row,
  ]);

/** Nanoseconds a row, the median of 25 rounds after 15 that are compiled meanwhile. */
function cost(count, read) {
  const times = [];
  for (let round = 0; round < 40; round++) {
    const begun = performance.now();
    read();
    times.push(performance.now() - begun);
  }
  return Math.round((times.slice(15).sort((a, b) => a - b)[12] * 1e6) / count);
}

for (const count of [1_000, 10_000]) {
  const rows = rowsOf(count);
  const [batch, json] = [batchOf(rows), JSON.stringify(rows)];
  const toObjects = (row) => ({ id: row[0], session_id: row[1], role: row[2], content: row[3], created_at: row[4] });
  if (JSON.stringify(decodeBatch(batch, shape, "number")) !== JSON.stringify(rows.map(toObjects)))
    throw new Error("the rows differ");
  const [binary, parsed, objects] = [
    () => decodeBatch(batch, shape, "number"),
    () => JSON.parse(json),
    () => JSON.parse(json).map(toObjects),
  ].map((read) => cost(count, read));
  console.log(
    `${count} rows: binary to objects ${binary} ns a row, JSON.parse to arrays ${parsed}, to objects ${objects}`,
  );
}

const batch = batchOf(rowsOf(ROWS));
globalThis.gc?.();
const before = process.memoryUsage().heapUsed;
const held = new HeldRows();
held.replace(decodeBatch(batch, shape, "number"), ["id"]);
globalThis.gc?.();
console.log(`${ROWS} held rows: ${((process.memoryUsage().heapUsed - before) / 1e6).toFixed(1)} MB of heap`);
if ([...held].length !== ROWS) throw new Error("rows are missing");
