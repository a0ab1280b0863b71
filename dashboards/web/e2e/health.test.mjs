import assert from "node:assert/strict";
import { test } from "node:test";
import { city } from "./harness.mjs";

const it = city();

test("the figures add up, on the page and to the eye", async (t) => {
  const page = await it.open(t, "#/health");
  await page.locator("[data-adds-up]").waitFor();
  assert.equal(await page.locator("[data-adds-up]").getAttribute("data-adds-up"), "true");
  const figures = Object.fromEntries(
    await page.locator(".equation [data-figure]").evaluateAll((all) => all.map((each) => [each.dataset.figure, Number(each.dataset.value)])),
  );
  assert.ok(figures.received > 0);
  assert.equal(figures.received, figures.stored + figures.duplicate + figures.rejected + figures.pending);
  await page.getByText("Khớp").waitFor();
  assert.ok((await page.locator(".parts li").count()) > 0, "parts are named");
});

test("the figures are read anew", async (t) => {
  const page = await it.open(t, "#/health");
  const received = page.locator('[data-figure="received"]');
  await received.waitFor();
  const before = Number(await received.getAttribute("data-value"));
  await page.waitForFunction((old) => Number(document.querySelector('[data-figure="received"]')?.dataset.value) > old, before);
});
