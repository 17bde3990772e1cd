/** JSON without loss: bigints and bytes are written, and integers beyond 2^53 are read with all their digits. */
import { CosmictronError } from "../errors.js";
import type { Integers } from "../types.js";
import { hex } from "./hex.js";

/** Arguments and parameters as the server reads them. What is `undefined` in an object is left out. */
export function writeJson(value: unknown): string {
  switch (typeof value) {
    case "bigint":
      return value.toString();
    case "number":
      return Number.isFinite(value) ? JSON.stringify(value) : `"${value}"`;
    case "undefined":
      return "null";
    case "object":
      return value === null ? "null" : writeObject(value);
    case "string":
    case "boolean":
      return JSON.stringify(value);
    default:
      throw new CosmictronError("invalid_request", `a ${typeof value} cannot be sent`);
  }
}

function writeObject(value: object): string {
  if (Array.isArray(value)) return `[${value.map(writeJson).join()}]`;
  if (value instanceof Uint8Array) return `"\\\\x${hex(value)}"`;
  if ("toJSON" in value && typeof value.toJSON === "function") return writeJson(value.toJSON());
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${writeJson(field)}`).join()}}`;
}

/** Strings, to be passed over, and integers that a number may not hold. */
const LONG_INTEGER = /"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g;
const MAY_BE_LONG = /\d{16}/;
/** Marks in the text what is a long integer (`n`), and strings that begin like a mark (`s`). */
const MARK = "\\u0000";

/** Reads JSON whose types are not known: integers beyond 2^53 by `integers`, others as numbers. */
export function readJson(text: string, integers: Integers, where: string): unknown {
  if (!MAY_BE_LONG.test(text)) return JSON.parse(text);
  const marked = text.replace(LONG_INTEGER, (token) => {
    if (token[0] !== '"') return `"${MARK}n${token}"`;
    return token.startsWith(MARK, 1) ? `"${MARK}s${token.slice(1)}` : token;
  });
  return JSON.parse(marked, (_, value: unknown) => {
    if (typeof value !== "string" || value[0] !== "\0") return value;
    return value[1] === "n" ? exactInteger(BigInt(value.slice(2)), integers, where) : value.slice(2);
  });
}

function exactInteger(value: bigint, integers: Integers, where: string): number | bigint | string {
  if (BigInt.asIntN(54, value) === value && Number.isSafeInteger(Number(value))) return Number(value);
  if (integers === "bigint") return value;
  if (integers === "string") return value.toString();
  throw tooLarge(value, where);
}

export function tooLarge(value: bigint, where: string): CosmictronError {
  const detail = `${value} in ${where} is no exact number: set the option integers to "bigint" or "string"`;
  return new CosmictronError("integer_too_large", detail);
}
