/**
 * The order in which rows are shown: that of the query's last ORDER BY, as far as it names columns of the answer. The server
 * decides which rows are in the answer; this only sorts what is held.
 */
import type { Row } from "../schema.js";

interface Key {
  readonly column: string;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
  /** Its strings are digits: a `numeric`, or a long integer by the option `integers`. */
  readonly isNumber: boolean;
}

const LAST_ORDER_BY = /\border\s+by\s+((?:(?!\border\s+by\b)[^()])+)$/i;
const BEHIND_ORDER_BY = /\b(?:limit|offset|fetch)\b.*$|;\s*$/is;
const ITEM = /^\s*(?:\w+\s*\.\s*)?(?:"([^"]+)"|(\w+))(?:\s+(asc|desc))?(?:\s+nulls\s+(first|last))?\s*$/i;

export type Order = (one: Row, other: Row) => number;

/** How to sort the answer's rows; null where the query says nothing that can be followed. */
export function orderOf(sql: string, columns: readonly string[], types: readonly string[]): Order | null {
  const list = LAST_ORDER_BY.exec(sql)?.[1]?.replace(BEHIND_ORDER_BY, "");
  const keys: Key[] = [];
  for (const item of list?.split(",") ?? []) {
    const key = keyOf(item, columns, types);
    if (key === null) break;
    keys.push(key);
  }
  return keys.length === 0 ? null : (one, other) => compareRows(keys, one, other);
}

function keyOf(item: string, columns: readonly string[], types: readonly string[]): Key | null {
  const [, quoted, plain, direction, nulls] = ITEM.exec(item) ?? [];
  const place =
    plain !== undefined && /^\d+$/.test(plain)
      ? Number(plain) - 1
      : columns.indexOf(quoted ?? plain?.toLowerCase() ?? "");
  const column = columns[place];
  if (column === undefined) return null;
  const descending = direction?.toLowerCase() === "desc";
  const nullsFirst = nulls === undefined ? descending : nulls.toLowerCase() === "first";
  return { column, descending, nullsFirst, isNumber: types[place] !== "string" };
}

function compareRows(keys: readonly Key[], one: Row, other: Row): number {
  for (const { column, descending, nullsFirst, isNumber } of keys) {
    const [a, b]: unknown[] = [one[column], other[column]];
    if (a === null || b === null) {
      if (a !== b) return (a === null) === nullsFirst ? -1 : 1;
      continue;
    }
    const compared = compareValues(a, b, isNumber);
    if (compared !== 0) return descending ? -compared : compared;
  }
  return 0;
}

const DIGITS = /^-?\d+(?:\.\d+)?$/;

function compareValues(a: unknown, b: unknown, isNumber: boolean): number {
  if (isNumber && typeof a === "string" && typeof b === "string" && DIGITS.test(a) && DIGITS.test(b)) {
    return a.includes(".") || b.includes(".") ? Number(a) - Number(b) : compare(BigInt(a), BigInt(b));
  }
  if (typeof a === "string" && typeof b === "string") return compareTexts(a, b);
  return compare(a as number, b as number);
}

/** By code points, as the server does. UTF-16 has those beyond U+FFFF below U+E000, so the halves of these are ranked last. */
function compareTexts(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const [one, other] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (one !== other) return rank(one) - rank(other);
  }
  return a.length - b.length;
}

const isHalf = (unit: number): boolean => 0xd800 <= unit && unit <= 0xdfff;
const rank = (unit: number): number => (isHalf(unit) ? unit + 0x10000 : unit);

const compare = <T extends number | bigint>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);
