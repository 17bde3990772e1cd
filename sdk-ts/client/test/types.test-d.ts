/** What must compile, and what must not: checked by tsc, run by nobody. */
import type { CosmictronClient } from "@cosmictron/client";
import type { AgentStateRow, Client } from "./generated-example.js";

export async function typed(client: Client): Promise<number> {
  await client.callReducer("record_agent_message", { session_id: "a", role: "user", content: "b" });
  await client.callReducer("record_agent_message", ["a", "user", "b"]);
  // @ts-expect-error: there is no such reducer
  await client.callReducer("record_agent_mesage", {});
  // @ts-expect-error: an argument is missing
  await client.callReducer("record_agent_message", { session_id: "a" });
  const rows = await client.query<AgentStateRow>("SELECT * FROM agent_state");
  // @ts-expect-error: there is no such column
  rows[0]?.nothing;
  const state = client.state;
  // @ts-expect-error: only a connected client has a connection
  state.connectionId;
  return client.callReducer("record_agent_message", { session_id: "a", role: "user", content: "b" });
}

export async function untyped(client: CosmictronClient): Promise<unknown> {
  const live = client.liveQuery("SELECT * FROM users");
  const names: string[] = live.getSnapshot().rows.map((user) => user["username"]);
  return [names, await client.callReducer("create_user", { username: "alice" })];
}
