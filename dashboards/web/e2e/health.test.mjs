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

test("dead letters are listed as they are, and harm nothing", async (t) => {
  const { items } = await it.api("/api/v1/dead-letters?limit=50");
  const page = await it.open(t, "#/dead-letters");
  if (items.length === 0) return page.getByText("Không có bản tin lỗi nào").waitFor();
  await page.locator(".letter").first().waitFor();
  assert.ok((await page.locator(".letter").count()) >= Math.min(items.length, 1));
  for (const summary of await page.locator(".letter summary").all()) await summary.click();
  assert.equal(await page.evaluate(() => window.__pwned), undefined);
  assert.equal(await page.locator(".letters script").count(), 0);
  const text = await page.locator(".letters").innerText();
  assert.doesNotMatch(text, /[\u0000-\u0008\u000e-\u001f]/);
});

test("dead letters are narrowed by reason, selected and replayed", async (t) => {
  const { items } = await it.api("/api/v1/dead-letters?limit=50");
  if (items.length === 0) return t.skip("this city has no dead letters");
  const reason = items[0].reason;
  const page = await it.open(t, "#/dead-letters");
  await page.locator(".letter").first().waitFor();
  await page.getByLabel("Lý do").selectOption(reason);
  await page.waitForFunction((only) => {
    const all = [...document.querySelectorAll(".letter")];
    return all.length > 0 && all.every((each) => each.dataset.reason === only);
  }, reason);
  assert.ok(page.url().includes(`reason=${reason}`));
  await page.locator(".letter input[type=checkbox]").first().check();
  await page.getByRole("button", { name: "Gửi lại các mục đã chọn" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Hủy" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Gửi lại các mục đã chọn" }).click();
  await dialog.getByRole("button", { name: "Gửi lại" }).click();
  await page.getByText("Đã gửi lại 1 bản tin.").waitFor();
});
