/** Live rows in components, under React 18 and 19. */
import { act, cleanup, render, renderHook, screen, waitFor } from "@testing-library/react";
import { StrictMode, Suspense } from "react";
import { renderToString } from "react-dom/server";
import { afterEach, expect, test } from "vitest";
import { CosmictronProvider, useQuery, useReducer, useSuspenseQuery } from "../src/index.js";
import { ada, bob, connected, USERS } from "./fixture.js";

afterEach(cleanup);

/** As it is printed on the reference page. */
function UserList() {
  const users = useQuery("SELECT * FROM users");
  const createUser = useReducer("create_user");
  void createUser;
  return (
    <ul>
      {users.rows.map((u) => (
        <li key={u.id}>{u.username}</li>
      ))}
    </ul>
  );
}

function Names() {
  return <p>{useSuspenseQuery(USERS).rows.map(({ username }) => username)}</p>;
}

test("the reference page's component shows rows as they come and go", async () => {
  const { server, wrapper } = await connected();
  render(<UserList />, { wrapper });
  await screen.findByText("ada");
  act(() => void server.commit([{ sql: USERS, inserts: [bob], deletes: [ada] }]));
  await screen.findByText("bob");
  expect(screen.queryByText("ada")).toBeNull();
});

test("parameters are compared by value, and nothing is rendered for nothing", async () => {
  const { server, wrapper } = await connected();
  let renders = 0;
  const { result, rerender } = renderHook(
    () => {
      renders += 1;
      return useQuery(USERS, [{ deep: [1n] }]);
    },
    { wrapper },
  );
  await waitFor(() => expect(result.current.status).toBe("live"));
  const [before, count] = [result.current, renders];
  rerender();
  expect(result.current).toBe(before);
  expect(renders).toBe(count + 1);
  expect(server.received.filter(({ type }) => type === "subscribe")).toHaveLength(1);
});

test("a row that did not change stays the same object", async () => {
  const { server, wrapper } = await connected();
  const { result } = renderHook(() => useQuery(USERS), { wrapper });
  await waitFor(() => expect(result.current.rows).toEqual([ada]));
  const [first] = result.current.rows;
  act(() => void server.commit([{ sql: USERS, inserts: [bob] }]));
  await waitFor(() => expect(result.current.rows).toHaveLength(2));
  expect(result.current.rows[0]).toBe(first);
  expect(result.current.txId).toBe(1);
});

test("strict mode's second mount subscribes once, and all components of a query share it", async () => {
  const { server, wrapper } = await connected();
  render(
    <StrictMode>
      <UserList />
      <UserList />
    </StrictMode>,
    { wrapper },
  );
  expect(await screen.findAllByText("ada")).toHaveLength(2);
  const types = server.received.map(({ type }) => type);
  expect(types.filter((type) => type === "subscribe")).toHaveLength(1);
  expect(types).not.toContain("unsubscribe");
});

test("a lost connection leaves the rows there, stale, until it is back", async () => {
  const { server, wrapper } = await connected();
  const { result } = renderHook(() => useQuery(USERS), { wrapper });
  await waitFor(() => expect(result.current.status).toBe("live"));
  server.isUp = false;
  act(() => server.drop());
  expect(result.current).toMatchObject({ rows: [ada], status: "stale", isStale: true });
  server.isUp = true;
  await waitFor(() => expect(result.current.isStale).toBe(false), { timeout: 10_000 });
});

test("a query that is refused shows why", async () => {
  const { wrapper } = await connected();
  const { result } = renderHook(() => useQuery("SELECT 1 FROM nowhere"), { wrapper });
  await waitFor(() => expect(result.current.status).toBe("error"));
  expect(result.current.error?.code).toBe("invalid_request");
});

test("a query that is not enabled asks for nothing, and keeps its result", async () => {
  const { server, wrapper } = await connected();
  const { result, rerender } = renderHook(() => useQuery(USERS, [], { enabled: false }), { wrapper });
  const before = result.current;
  rerender();
  expect(result.current).toBe(before);
  expect(before).toMatchObject({ rows: [], status: "pending" });
  expect(server.received.map(({ type }) => type)).not.toContain("subscribe");
});

test("a suspended component is shown with its first answer", async () => {
  const { wrapper } = await connected();
  render(
    <Suspense fallback="loading">
      <Names />
    </Suspense>,
    { wrapper },
  );
  expect(screen.getByText("loading")).toBeDefined();
  await screen.findByText("ada");
});

test("a server renders what was hydrated, and asks for nothing", async () => {
  const { server, client } = await connected();
  const page = () =>
    renderToString(
      <CosmictronProvider client={client}>
        <UserList />
      </CosmictronProvider>,
    );
  expect(page()).toBe("<ul></ul>");
  client.hydrate([{ sql: USERS, params: [], columns: ["id", "username"], rows: [ada], txId: 1 }]);
  expect(page()).toBe("<ul><li>ada</li></ul>");
  expect(server.received.map(({ type }) => type)).not.toContain("subscribe");
});
