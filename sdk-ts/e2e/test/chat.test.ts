/** Two people chat; the server is killed in between, and nothing is lost or said twice. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Stage, shoot } from "./stage.js";

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.set();
});
afterAll(() => stage?.strike());

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.getByLabel("Message", { exact: true }).press("Enter");
}

const said = (page: Page) => page.locator(".message > p").allTextContents();

async function sees(page: Page, ...texts: string[]): Promise<void> {
  for (const text of texts) await page.locator(".message:not([data-sending=true]) > p", { hasText: text }).waitFor();
}

test("two browsers chat over a crash of the server, and nothing is lost or doubled", async () => {
  const ada = await stage.person("Ada", 1280, 800);
  const bob = await stage.person("Bob", 390, 844, "dark");
  await ada.getByLabel("Name of a new room").fill("Hall");
  await ada.getByRole("button", { name: "Open", exact: true }).click();
  await ada.getByRole("heading", { name: "Hall" }).waitFor();
  await shoot(bob, "rooms-390");
  await bob.getByRole("button", { name: "Join" }).click();
  await bob.getByRole("heading", { name: "Hall" }).waitFor();

  await say(ada, "hello Bob");
  await sees(bob, "hello Bob");
  await say(bob, "hello Ada");
  await sees(ada, "hello Ada");
  await bob.getByLabel("Message", { exact: true }).pressSequentially("I am");
  await ada.getByText("Bob is writing…").waitFor();
  await shoot(ada, "chat-1280");
  await shoot(bob, "chat-390");

  await stage.server.kill();
  await ada.getByText("Reconnecting…").waitFor();
  await say(ada, "said while it was down");
  await shoot(ada, "down-1280");
  await stage.server.run();
  await sees(ada, "said while it was down");
  await sees(bob, "said while it was down");
  await say(bob, "and after");
  await sees(ada, "and after");

  const all = ["hello Bob", "hello Ada", "said while it was down", "and after"];
  expect(await said(ada)).toEqual(all);
  expect(await said(bob)).toEqual(all);
  await bob.reload();
  await bob.getByRole("button", { name: "Hall" }).click();
  await sees(bob, ...all);
  expect(await said(bob)).toEqual(all);
});
