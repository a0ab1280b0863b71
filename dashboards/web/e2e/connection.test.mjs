// Outages and size, which only a platform that the test may stop and fill can show: always the mock.
import assert from "node:assert/strict";
import { test } from "node:test";
import { browser, mock } from "./browser.mjs";
import { live, mapDrawn, WAIT_MS } from "./harness.mjs";

async function opened(t, site, hash) {
  const chromium = await browser();
  t.after(() => chromium.close());
  const page = await chromium.newPage({ viewport: { width: 1280, height: 800 }, locale: "vi-VN" });
  page.setDefaultTimeout(WAIT_MS);
  await page.goto(`${site.url}/${hash}`);
  await live(page);
  return page;
}

test("a lost connection is seen and said, and the page is live again by itself", async (t) => {
  const site = await mock();
  const page = await opened(t, site, "#/devices");
  await page.locator(".row").first().waitFor();
  await site.close();
  await page.locator('.connection[data-state="retrying"]').waitFor();
  assert.match(await page.locator(".connection-text").innerText(), /Mất kết nối, đang thử lại/);
  await page.locator('.connection [role="status"]', { hasText: "Mất kết nối trực tiếp" }).waitFor({ state: "attached" });
  const again = await mock(Number(new URL(site.url).port));
  t.after(() => again.close());
  await live(page);
  await page.locator('.connection [role="status"]', { hasText: "Đã nối lại" }).waitFor({ state: "attached" });
});

test("after a short break the feed goes on behind the last reading", async (t) => {
  const site = await mock();
  t.after(() => site.close());
  const page = await opened(t, site, "#/devices");
  await page.locator(".row-value.value-fresh").first().waitFor();
  const resumed = page.waitForRequest((request) => request.url().includes("/api/v1/live") && request.headers()["last-event-id"] !== undefined);
  await page.evaluate(() => fetch("/mock/cut", { method: "POST" }));
  assert.match((await resumed).headers()["last-event-id"], /^\d+\.\d+$/);
  await live(page);
});

test("ten thousand devices are a map and a list like any other", async (t) => {
  const site = await mock(0, { MOCK_DEVICES: "10000", MOCK_RATE: "1000" });
  t.after(() => site.close());
  const page = await opened(t, site, "#/?property=pm2_5");
  await mapDrawn(page);
  await page.locator(".row-value.value-fresh").first().waitFor();
  assert.ok(Number(await page.locator(".map-canvas").getAttribute("data-marks")) > 3000);
  assert.ok((await page.locator(".virtual-rows li").count()) < 60, "only seen rows exist");
  await page.locator(".virtual-rows a").first().focus();
  await page.keyboard.press("End");
  await page.waitForFunction(() => {
    const row = document.activeElement.closest("li");
    return row && row.getAttribute("aria-posinset") === row.getAttribute("aria-setsize");
  });
});

/** The mock stopped as a hung process is: it takes connections and answers nothing. */
test("a platform that hangs is said at the head of the health page, and nothing there stays green", async (t) => {
  const site = await mock();
  t.after(() => site.close());
  const page = await opened(t, site, "#/health");
  await page.locator('[data-adds-up="true"]').waitFor();
  t.after(() => site.signal("SIGCONT"));
  site.signal("SIGSTOP");
  await page.locator('[data-silent="true"]', { hasText: "Nền tảng chưa có trả lời mới từ" }).waitFor();
  assert.equal(await page.locator(".verdict-good, .parts .good").count(), 0);
  assert.equal(await page.locator('[data-adds-up="unknown"]').innerText(), "Chưa rõ");
  await page.locator('.connection[data-state="retrying"]').waitFor();
  site.signal("SIGCONT");
  await page.locator('[data-adds-up="true"]').waitFor();
  await live(page);
  assert.equal(await page.locator("[data-silent]").count(), 0);
});

test("a platform that is gone is said on the health page at once", async (t) => {
  const site = await mock();
  const page = await opened(t, site, "#/health");
  await page.locator('[data-adds-up="true"]').waitFor();
  await site.close();
  await page.locator('[data-silent="true"]').waitFor();
  assert.equal(await page.locator(".verdict-good, .parts .good").count(), 0);
});

test("the first reading of a device that comes while the page is open is shown", async (t) => {
  const site = await mock();
  t.after(() => site.close());
  const page = await opened(t, site, "#/devices?property=*");
  await page.locator(".row").first().waitFor();
  await page.evaluate(() => fetch("/mock/first-reading?device=khong-khi-99999", { method: "POST" }));
  await page.getByRole("searchbox").fill("khong-khi-99999");
  await page.locator(".row-value.value-fresh", { hasText: "33" }).waitFor({ timeout: 15_000 });
  await page.goto(`${site.url}/#/device/khong-khi-99999`);
  await page.locator('[data-newest="pm2_5"].value-fresh').waitFor();
});
