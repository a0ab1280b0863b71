import assert from "node:assert/strict";
import { test } from "node:test";
import { city } from "./harness.mjs";

const it = city();

test("the page that explains the API works without internet and under its own policy", async (t) => {
  if (it.site.mock) return t.skip("the mock explains nothing");
  const page = await it.open(t, "docs/");
  await page.locator(".opblock-summary-path", { hasText: "/api/v1/latest" }).waitFor();
  await page.locator(".opblock", { hasText: "/api/v1/reconciliation" }).first().locator(".opblock-summary-control").click();
  await page.getByRole("button", { name: "Try it out" }).click();
  await page.getByRole("button", { name: "Execute" }).click();
  await page.locator(".live-responses-table .response-col_status", { hasText: "200" }).first().waitFor();
});

test("what is text is sent packed, and nothing is asked of another site", async (t) => {
  if (it.site.mock) return t.skip("the mock packs nothing");
  const index = await (await fetch(`${it.site.url}/`)).text();
  const script = /assets\/index-[^"]+\.js/.exec(index)[0];
  const response = await fetch(`${it.site.url}/${script}`, { headers: { "accept-encoding": "gzip" } });
  assert.equal(response.headers.get("content-encoding"), "gzip");
  assert.match(response.headers.get("cache-control"), /immutable/);
  assert.match(response.headers.get("content-security-policy"), /^default-src 'none'/);
});
