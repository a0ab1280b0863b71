// A city, a browser and watched pages for the tests of one file.
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { browser, platform } from "./browser.mjs";

/** How long a condition may take; the slowest device of a demo city reports once a minute. */
export const WAIT_MS = Number(process.env.E2E_WAIT_MS ?? 120_000);

/** Starts a platform and a browser for a file of tests; `open` gives a page of its own. */
export function city(env) {
  const self = { site: null, chromium: null };
  before(async () => {
    self.site = await platform(env);
    self.chromium = await browser();
  });
  after(async () => {
    await self.chromium?.close();
    await self.site?.close();
  });
  self.api = async (path) => {
    const response = await fetch(self.site.url + path);
    assert.ok(response.ok, `${path}: ${response.status}`);
    return response.json();
  };
  self.put = async (path, body) => {
    const response = await fetch(self.site.url + path, { method: "PUT", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    assert.ok(response.ok, `${path}: ${response.status} ${await response.text()}`);
  };
  self.remove = async (path) => {
    const response = await fetch(self.site.url + path, { method: "DELETE" });
    assert.ok(response.ok, `${path}: ${response.status}`);
  };
  /** A page at `hash`, ended with the test; it fails the test if the page breaks, breaks its policy or leaves the site. */
  self.open = async (t, hash = "#/", options = {}) => {
    const context = await self.chromium.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: "light", locale: "vi-VN", ...options });
    context.setDefaultTimeout(WAIT_MS);
    const page = await context.newPage();
    const faults = watch(page, self.site.url);
    await page.goto(`${self.site.url}/${hash}`);
    t.after(async () => {
      await context.close();
      assert.deepEqual(faults, []);
    });
    return page;
  };
  return self;
}

function watch(page, url) {
  const faults = [];
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !/ERR_CONNECTION|ERR_INCOMPLETE|Failed to load resource/.test(message.text())) faults.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    const target = request.url();
    if (!target.startsWith(url) && !/^(data|blob):/.test(target)) faults.push(`left the site: ${target}`);
  });
  return faults;
}

/** Waits until a condition of the API holds. */
export async function until(holds) {
  const end = Date.now() + WAIT_MS;
  while (!(await holds())) {
    assert.ok(Date.now() < end, "the platform did not come so far in time");
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** Waits until the live connection stands. */
export const live = (page) => page.locator('.connection[data-state="live"]').waitFor();

/** Waits until the map is drawn with at least one device. */
export async function mapDrawn(page) {
  await page.waitForFunction(() => Number(document.querySelector(".map-canvas")?.dataset.marks ?? 0) > 0, null, { timeout: WAIT_MS });
}

/** The device whose reading comes first over the live feed, and the reading. */
export async function firstLive(url, query = "") {
  const abort = new AbortController();
  const response = await fetch(`${url}/api/v1/live${query}`, { signal: abort.signal });
  let text = "";
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const data = /^data: ?(\{.*\})\r?$/m.exec(text);
    if (!data) continue;
    abort.abort();
    return JSON.parse(data[1]);
  }
  throw new Error("the live feed ended without a reading");
}
