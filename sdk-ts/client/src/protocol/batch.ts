/**
 * Rows out of a batch: columns of typed arrays become objects. (Code made for each set of columns would be faster still, and is
 * what a page's Content-Security-Policy forbids.)
 */
import { CosmictronError } from "../errors.js";
import type { Row } from "../schema.js";
import type { Integers } from "../types.js";
import { hex, uuid } from "./hex.js";
import { readJson, tooLarge } from "./json.js";
import type { Batch } from "./message.js";

export interface Shape {
  readonly columns: readonly string[];
  readonly types: readonly string[];
}

type Values = ArrayLike<unknown>;

interface ReadColumn {
  readonly kind: number;
  readonly nulls: Uint8Array | null;
  readonly values: Values;
}

/** A column of nulls takes no bytes, so the length of a message does not bound its rows. */
const ROWS_MAX = 1 << 26;
const TEXT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const LONG = new Set(["i64", "u64", "timestamp", "duration"]);
const WIDE = new Set(["i128", "u128"]);

export function decodeBatch({ buffer, at: start }: Batch, shape: Shape, integers: Integers): Row[] {
  const head = new DataView(buffer, start);
  const rowCount = head.getUint32(4, true);
  if (rowCount === 0) return [];
  if (rowCount > ROWS_MAX) throw new CosmictronError("protocol", `a batch has ${rowCount} rows`);
  const columns = readColumns(buffer, start, head, shape, integers);
  return makeRows(rowCount, shape.columns, columns.map(withNulls));
}

/** Literals with computed names get their hidden class at once. Eight cover most answers; what is beyond is filled in. */
function makeRows(count: number, names: readonly string[], columns: readonly Values[]): Row[] {
  const rows = new Array<Row>(count);
  const [a = "", b = "", c = "", d = "", e = "", f = "", g = "", h = ""] = names;
  const [A = [], B = [], C = [], D = [], E = [], F = [], G = [], H = []] = columns;
  const make: ((row: number) => Row)[] = [
    () => ({}),
    (row) => ({ [a]: A[row] }),
    (row) => ({ [a]: A[row], [b]: B[row] }),
    (row) => ({ [a]: A[row], [b]: B[row], [c]: C[row] }),
    (row) => ({ [a]: A[row], [b]: B[row], [c]: C[row], [d]: D[row] }),
    (row) => ({ [a]: A[row], [b]: B[row], [c]: C[row], [d]: D[row], [e]: E[row] }),
    (row) => ({ [a]: A[row], [b]: B[row], [c]: C[row], [d]: D[row], [e]: E[row], [f]: F[row] }),
    (row) => ({ [a]: A[row], [b]: B[row], [c]: C[row], [d]: D[row], [e]: E[row], [f]: F[row], [g]: G[row] }),
    (row) => ({
      [a]: A[row],
      [b]: B[row],
      [c]: C[row],
      [d]: D[row],
      [e]: E[row],
      [f]: F[row],
      [g]: G[row],
      [h]: H[row],
    }),
  ];
  const first = make[Math.min(names.length, 8)]!;
  for (let row = 0; row < count; row++) {
    const object = first(row);
    for (let place = 8; place < names.length; place++) define(object, names[place]!, columns[place]![row]);
    rows[row] = object;
  }
  return rows;
}

/** Assigning to `__proto__` would change what the object is. */
function define(object: Row, name: string, value: unknown): void {
  if (name !== "__proto__") object[name] = value;
  else Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}

function withNulls({ values, nulls }: ReadColumn): Values {
  if (nulls === null) return values;
  // A fresh array: one of numbers alone would be made over for the first null in it, with each number in a box of its own.
  const nullable = new Array<unknown>(values.length);
  for (let row = 0; row < values.length; row++) {
    nullable[row] = (((nulls[row >> 3] as number) >> (row & 7)) & 1) === 1 ? null : values[row];
  }
  return nullable;
}

function readColumns(
  buffer: ArrayBuffer,
  start: number,
  head: DataView,
  shape: Shape,
  integers: Integers,
): ReadColumn[] {
  const [rowCount, textBytes, count] = [head.getUint32(4, true), head.getUint32(8, true), head.getUint32(12, true)];
  if (count !== shape.columns.length)
    throw new CosmictronError("protocol", "a batch has other columns than its answer");
  const read: ReadColumn[] = [];
  let at = start + 16 + 4 * count;
  for (let place = 0; place < count; place++) {
    const kind = head.getUint8(16 + 4 * place);
    const width = head.getUint8(17 + 4 * place);
    const nulls = head.getUint8(18 + 4 * place) ? new Uint8Array(buffer, at, (rowCount + 7) >> 3) : null;
    at += nulls?.length ?? 0;
    if (kind !== 1 && kind !== 9 && width > 1) at = aligned(at, Math.min(width, 8));
    const where = `column ${shape.columns[place]}`;
    let values = readValues(buffer, kind, width, at, rowCount, shape.types[place] ?? "", integers, where);
    at += width * rowCount;
    if (kind === 8) [values, at] = cutBytes(buffer, at, values as ArrayLike<number>);
    read.push({ kind, nulls, values });
  }
  return cutTexts(read, TEXT.decode(new Uint8Array(buffer, at, textBytes)), shape, integers);
}

function aligned(at: number, width: number): number {
  return Math.ceil(at / width) * width;
}

function cutBytes(buffer: ArrayBuffer, start: number, lengths: ArrayLike<number>): [Uint8Array[], number] {
  let at = start;
  const values = Array.from(lengths, (length) => {
    at += length;
    return new Uint8Array(buffer, at - length, length).slice();
  });
  return [values, at];
}

/** The texts of all columns stand together: they are decoded at once, and each value is a slice. */
function cutTexts(columns: ReadColumn[], text: string, shape: Shape, integers: Integers): ReadColumn[] {
  let at = 0;
  return columns.map((column, place) => {
    if (column.kind < 5 || 7 < column.kind) return column;
    const lengths = column.values as ArrayLike<number>;
    const values = new Array<unknown>(lengths.length);
    for (let row = 0; row < lengths.length; row++) {
      const end = at + (lengths[row] as number);
      values[row] = text.substring(at, end);
      at = end;
    }
    if (column.kind === 6) readTexts(values as string[], integers, `column ${shape.columns[place]}`);
    return { ...column, values };
  });
}

function readTexts(values: unknown[], integers: Integers, where: string): void {
  values.forEach((json, row) => {
    values[row] = json === "" ? null : readJson(json as string, integers, where);
  });
}

function readValues(
  buffer: ArrayBuffer,
  kind: number,
  width: number,
  at: number,
  count: number,
  type: string,
  integers: Integers,
  where: string,
): Values {
  switch (kind) {
    case 0:
      return new Array<null>(count).fill(null);
    case 1:
      return Array.from(new Uint8Array(buffer, at, count), (byte) => byte === 1);
    case 2:
    case 3:
      return asAskedFor(readIntegers(buffer, kind === 3, width, at, count), type, integers, where);
    case 4:
      return width === 4 ? new Float32Array(buffer, at, count) : new Float64Array(buffer, at, count);
    case 5:
    case 6:
    case 7:
    case 8:
      return readIntegers(buffer, false, width, at, count) as ArrayLike<number>;
    case 9: {
      const format = type === "uuid" ? uuid : hex;
      return Array.from({ length: count }, (_, row) => format(new Uint8Array(buffer, at + width * row, width)));
    }
    default:
      throw new CosmictronError("protocol", `${where} is of the unknown kind ${kind}`);
  }
}

function readIntegers(
  buffer: ArrayBuffer,
  isSigned: boolean,
  width: number,
  at: number,
  count: number,
): ArrayLike<number | bigint> {
  switch (width) {
    case 1:
      return isSigned ? new Int8Array(buffer, at, count) : new Uint8Array(buffer, at, count);
    case 2:
      return isSigned ? new Int16Array(buffer, at, count) : new Uint16Array(buffer, at, count);
    case 4:
      return isSigned ? new Int32Array(buffer, at, count) : new Uint32Array(buffer, at, count);
    case 8:
      return readLong(buffer, isSigned, at, count);
    case 16: {
      const low = new BigUint64Array(buffer, at, 2 * count);
      const high = isSigned ? new BigInt64Array(buffer, at, 2 * count) : low;
      return Array.from(
        { length: count },
        (_, row) => ((high[2 * row + 1] as bigint) << 64n) | (low[2 * row] as bigint),
      );
    }
    default:
      throw new CosmictronError("protocol", `integers of ${width} bytes are unknown`);
  }
}

/** Numbers where these are exact, else bigints; a bigint is made for those alone, since it costs an allocation. */
function readLong(buffer: ArrayBuffer, isSigned: boolean, at: number, count: number): (number | bigint)[] {
  const exact = isSigned ? new BigInt64Array(buffer, at, count) : new BigUint64Array(buffer, at, count);
  const low = new Uint32Array(buffer, at, 2 * count);
  const high = isSigned ? new Int32Array(buffer, at, 2 * count) : low;
  const values = new Array<number | bigint>(count);
  for (let row = 0; row < count; row++) {
    const top = high[2 * row + 1] as number;
    // From -2^53, exclusive, to 2^53, exclusive.
    const number = top * 0x100000000 + (low[2 * row] as number);
    values[row] = -0x200000 <= top && top < 0x200000 && number !== -(2 ** 53) ? number : (exact[row] as bigint);
  }
  return values;
}

/** By the type of the column, not by the width of the values, which is that of the largest one. */
function asAskedFor(values: ArrayLike<number | bigint>, type: string, integers: Integers, where: string): Values {
  if (!LONG.has(type) && !WIDE.has(type)) return values;
  if (integers === "string") return Array.from(values, String);
  if (integers === "bigint" || WIDE.has(type)) return Array.from(values, BigInt);
  if (!Array.isArray(values)) return values; // At most 32 bits.
  for (const value of values as readonly (number | bigint)[]) {
    if (typeof value === "bigint") throw tooLarge(value, where);
  }
  return values;
}
