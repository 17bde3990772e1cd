/** Reducers, identity and connection in components, under React 18 and 19. */
import { act, cleanup, renderHook, waitFor } from "@testing-library/react";
import { version } from "react";
import { afterEach, expect, test, vi } from "vitest";
import { useConnectionState, useIdentity, useQuery, useReducer } from "../src/index.js";
import { bob, connected, USERS } from "./fixture.js";

afterEach(cleanup);

test("a reducer is one function that tells how its calls are going", async () => {
  const { server, wrapper } = await connected();
  const { result } = renderHook(
    () => {
      const create = useReducer("create_user");
      return { create, isPending: create.isPending, error: create.error };
    },
    { wrapper },
  );
  const { create } = result.current;
  let answer: Promise<unknown> = Promise.resolve();
  act(() => {
    answer = create({ username: "bob" });
  });
  expect(result.current.isPending).toBe(true);
  await act(async () => expect(await answer).toBe(2));
  expect(result.current).toMatchObject({ isPending: false, error: null });
  await act(async () => expect(create({ username: "" })).rejects.toThrow("the name is empty"));
  expect(result.current.error?.code).toBe("reducer_failed");
  expect(result.current.create).toBe(create);
  expect(server.runs).toEqual(["create_user", "create_user"]);
});

test("a component that does not look at a call is not rendered for it", async () => {
  const { wrapper } = await connected();
  let renders = 0;
  const { result } = renderHook(
    () => {
      renders += 1;
      return useReducer("create_user");
    },
    { wrapper },
  );
  const before = renders;
  await act(async () => void (await result.current({ username: "bob" })));
  expect(renders).toBe(before);
});

test("an optimistic row is there at once, and is the server's afterwards", async () => {
  const { server, wrapper } = await connected([]);
  const { result } = renderHook(
    () => {
      const users = useQuery(USERS);
      const create = useReducer("create_user", {
        optimistic: (local, args) => local.insert(USERS, { id: 0, ...args }),
      });
      return { users, create };
    },
    { wrapper },
  );
  await waitFor(() => expect(result.current.users.status).toBe("live"));
  server.hold();
  let answer: Promise<unknown> = Promise.resolve();
  act(() => {
    answer = result.current.create({ username: "bob" });
  });
  await waitFor(() => expect(result.current.users.rows).toEqual([{ id: 0, username: "bob" }]));
  await act(async () => {
    await waitFor(() => expect(server.runs).toHaveLength(1));
    server.release();
    await answer;
  });
  expect(result.current.users.rows).toEqual([bob]);
});

test("identity and connection follow the session", async () => {
  const { client, wrapper } = await connected();
  const { result } = renderHook(() => [useIdentity(), useConnectionState().phase], { wrapper });
  expect(result.current[0]).toBe("1".repeat(64));
  act(() => client.connect());
  await waitFor(() => expect(result.current[1]).toBe("connected"));
  await act(async () => client.signOut());
  expect(result.current[0]).toBeNull();
});

test("a component outlives a lost connection, and says that it waits", async () => {
  const { server, client, wrapper } = await connected();
  const { result } = renderHook(() => useConnectionState(), { wrapper });
  act(() => client.connect());
  await waitFor(() => expect(result.current.phase).toBe("connected"));
  server.isUp = false;
  act(() => server.drop());
  expect(result.current.phase).toBe("waiting");
});

test("hooks without a provider say what is missing", () => {
  // React tells the console as well.
  const told = vi.spyOn(console, "error").mockImplementation(() => {});
  expect(() => renderHook(() => useIdentity())).toThrow("CosmictronProvider");
  told.mockRestore();
});

test("these tests run under the React that was asked for", () => {
  expect(version.split(".")[0]).toBe(process.env.REACT ?? "19");
});
