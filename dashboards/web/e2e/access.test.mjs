import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { city, firstLive, live, mapDrawn } from "./harness.mjs";

const it = city();
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

function commonest(words) {
  const counts = new Map();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0][0];
}

async function settled(page) {
  await live(page);
  await page.waitForFunction(() => !document.querySelector("main .loading"));
}

async function audit(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => node.target.join(" ")).join(" | ")}`);
}

for (const [name, options] of [["light", { colorScheme: "light" }], ["dark", { colorScheme: "dark" }], ["phone", PHONE]]) {
  test(`every page is free of serious accessibility faults: ${name}`, async (t) => {
    const reading = await firstLive(it.site.url);
    const page = await it.open(t, "#/", options);
    for (const hash of ["#/", `#/?device=${reading.device}`, "#/devices", `#/device/${reading.device}`, "#/health", "#/dead-letters"]) {
      await page.goto(`${it.site.url}/${hash}`);
      await settled(page);
      assert.deepEqual(await audit(page), [], hash);
    }
  });
}

test("a keyboard alone leads from the start to a device's charts", async (t) => {
  const { items } = await it.api("/api/v1/devices?limit=1000");
  const word = commonest(items.map((each) => each.name.split(/[^a-z]/)[0]).filter((each) => each.length > 1));
  const page = await it.open(t);
  await mapDrawn(page);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  const tabTo = async (selector) => {
    for (let presses = 0; presses < 40; presses++) {
      if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`${selector} is out of reach`);
  };
  await tabTo("input[type=search]");
  await page.keyboard.type(word);
  await tabTo(".virtual-rows a");
  await page.keyboard.press("ArrowDown");
  await page.waitForFunction(() => document.activeElement.dataset.index === "1");
  await page.keyboard.press("End");
  await page.waitForFunction(() => Number(document.activeElement.dataset.index) === Number(document.activeElement.closest("li")?.getAttribute("aria-setsize")) - 1);
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.id === "card-title");
  await tabTo(".device-card a.button");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.matches("main h1") && location.hash.startsWith("#/device/"));
});

test("on a phone nothing is wider than the screen, and the pages are at the thumb", async (t) => {
  const reading = await firstLive(it.site.url);
  const page = await it.open(t, "#/", PHONE);
  for (const hash of ["#/", "#/devices", `#/device/${reading.device}`, "#/health", "#/dead-letters"]) {
    await page.goto(`${it.site.url}/${hash}`);
    await settled(page);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= 390, `${hash} is ${width} px wide`);
  }
  const nav = await page.locator(".nav").boundingBox();
  assert.ok(nav.y > 700, "the navigation is at the bottom");
  await page.locator(".nav a").nth(1).tap();
  await page.getByRole("heading", { name: "Thiết bị" }).waitFor();
});
