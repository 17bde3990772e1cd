/**
 * What rows cost: the time that each takes to be read out of a binary message, beside `JSON.parse` of the same rows, and the
 * memory that 100,000 of them take while they are held. The messages are those of the real server.
 */
import { CosmictronClient, type SocketFactory } from "../src/index.js";
import { decodeBatch } from "../src/protocol/batch.js";
import { decode } from "../src/protocol/message.js";
import { NodeSocket } from "../src/socket/node.js";
import { Server } from "../test/server/server.js";

const ROWS = 10_000;
const HELD_ROWS = 100_000;
const ROUNDS = 101;
const QUERIES = {
  "id, name": `SELECT id, username FROM users ORDER BY id LIMIT ${ROWS}`,
  "six numbers": `SELECT id, id * 2 AS a, id + 7 AS b, id * 1000000 AS c, id / 3.5 AS d, id % 10 AS e FROM users ORDER BY id LIMIT ${ROWS}`,
  "three texts": `SELECT username, username || ' é' AS a, username || '!' AS b FROM users ORDER BY id LIMIT ${ROWS}`,
  "one value in eight is null": `SELECT id, NULLIF(id % 8, 0) AS a, username FROM users ORDER BY id LIMIT ${ROWS}`,
};

function median(run: () => unknown): number {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const begun = performance.now();
    run();
    times.push(performance.now() - begun);
  }
  // The first ones are compiled meanwhile.
  return times.slice(ROUNDS >> 1).sort((one, other) => one - other)[ROUNDS >> 2] as number;
}

/** A socket that keeps what it has received last. */
let received = new ArrayBuffer(0);
function tapped(url: string, protocols: string[]): NodeSocket {
  const socket = new NodeSocket(url, protocols);
  let listener: NodeSocket["onmessage"] = null;
  return Object.defineProperty(socket, "onmessage", {
    get: () => (event: { readonly data: unknown }) => {
      if (event.data instanceof ArrayBuffer) received = event.data;
      listener?.(event);
    },
    set: (given: NodeSocket["onmessage"]) => {
      listener = given;
    },
  });
}

async function jsonOf(url: string, token: string, query: string): Promise<string> {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  const response = await fetch(`${url.replace("ws", "http")}/v1/sql`, {
    method: "POST",
    headers,
    body: JSON.stringify({ query }),
  });
  return response.text();
}

async function measureDecoding(client: CosmictronClient, url: string, token: string): Promise<void> {
  for (const [name, query] of Object.entries(QUERIES)) {
    await client.query(query);
    const message = received;
    const text = await jsonOf(url, token, query);
    const read = () => {
      const answer = decode(message);
      if (answer?.type !== "rows") throw new Error("the message has no rows");
      return decodeBatch(answer.rows, answer, "number");
    };
    // The same rows as JSON, both ways in which JSON may have them.
    const texts = { arrays: text, objects: JSON.stringify(read()) };
    const arrays = median(() => JSON.parse(texts.arrays));
    const objects = median(() => JSON.parse(texts.objects));
    const binary = median(read);
    const perRow = (time: number) => `${((time * 1e6) / ROWS).toFixed(0)} ns`;
    const times = `binary ${perRow(binary)}; JSON.parse of objects ${perRow(objects)}, of arrays ${perRow(arrays)}`;
    const gain = `${(objects / binary).toFixed(1)} and ${(arrays / binary).toFixed(1)} times`;
    console.log(`${name}: ${times} a row (${gain}); ${message.byteLength} bytes, JSON ${text.length}`);
  }
}

async function measureMemory(client: CosmictronClient): Promise<void> {
  const collect = (globalThis as { gc?: () => void }).gc;
  if (!collect) throw new Error("run with --expose-gc");
  collect();
  const before = process.memoryUsage();
  const subscription = await client.subscribe("SELECT id, username FROM users");
  received = new ArrayBuffer(0);
  collect();
  const after = process.memoryUsage();
  const bytes = after.heapUsed + after.external - before.heapUsed - before.external;
  console.log(`${subscription.rows.length} rows of (id, name) held: ${(bytes / 1e6).toFixed(1)} MB`);
}

const server = await Server.start();
let token = "";
const tokens = {
  load: () => null,
  save(session: { token: string } | null) {
    token = session?.token ?? token;
  },
};
const client = new CosmictronClient(server.url, { tokens, WebSocket: tapped as unknown as SocketFactory });
try {
  await client.signUp({ email: "user@example.com", password: "secret" });
  for (let rows = 0; rows < HELD_ROWS; rows += 5_000) await client.callReducer("create_users", { count: 5_000 });
  await measureDecoding(client, server.url, token);
  await measureMemory(client);
} finally {
  client.close();
  await server.stop();
}
