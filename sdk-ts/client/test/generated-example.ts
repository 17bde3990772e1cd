/** What `cosmictron generate --lang typescript` writes for `examples/my-agent`, in its shape. */
import type { CosmictronClient } from "@cosmictron/client";

export interface AgentStateRow {
  id: number;
  session_id: string;
  role: string;
  content: string;
  created_at: number;
}

export interface RecordAgentMessageArgs {
  session_id: string;
  role: string;
  content: string;
}

export type Schema = {
  tables: { agent_state: { row: AgentStateRow; key: "id" } };
  reducers: { record_agent_message: { args: RecordAgentMessageArgs; result: number } };
};

export type Client = CosmictronClient<Schema>;
