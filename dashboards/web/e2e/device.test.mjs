import assert from "node:assert/strict";
import { test } from "node:test";
import { city, firstLive } from "./harness.mjs";

const it = city();

/** How many pixels of a chart have about the colour of its line. */
const linePixels = (page, stream) =>
  page.locator(`[data-stream="${stream}"] .u-over`).evaluate((over) => {
    const canvas = over.closest(".uplot").querySelector("canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 3] > 200 && Math.abs(data[i] - 0x0b) + Math.abs(data[i + 1] - 0x6e) + Math.abs(data[i + 2] - 0x6e) < 60) count++;
    }
    return count;
  });

const drawn = (page, stream) =>
  page.waitForFunction((name) => Number(document.querySelector(`[data-stream="${name}"] .chart-box`)?.dataset.points ?? 0) > 1, stream);

test("a chart draws the stored readings, and says them as a table", async (t) => {
  const reading = await firstLive(it.site.url);
  const page = await it.open(t, `#/device/${reading.device}?range=h24`);
  await drawn(page, reading.datastream);
  assert.ok((await linePixels(page, reading.datastream)) > 50, "a line is drawn");
  const panel = page.locator(`[data-stream="${reading.datastream}"]`);
  await panel.getByRole("button", { name: "Bảng số liệu" }).click();
  const rows = panel.locator("tbody tr");
  await rows.first().waitFor();
  assert.ok((await rows.count()) > 1);
});

test("a range drawn with the pointer becomes the address, and back leads back", async (t) => {
  const reading = await firstLive(it.site.url);
  const page = await it.open(t, `#/device/${reading.device}?range=h24`);
  await drawn(page, reading.datastream);
  const over = page.locator(`[data-stream="${reading.datastream}"] .u-over`);
  await over.scrollIntoViewIfNeeded();
  const box = await over.boundingBox();
  const entries = await page.evaluate(() => history.length);
  await page.mouse.move(box.x + box.width * 0.5, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.7, box.y + 40, { steps: 5 });
  await page.mouse.up();
  await page.waitForURL(/from=\d+&to=\d+/);
  await page.getByText("Quá khứ").waitFor();
  const query = new URLSearchParams(page.url().split("?").at(-1));
  const hours = (Number(query.get("to")) - Number(query.get("from"))) / 3600_000;
  assert.ok(hours > 4 && hours < 5.5, `${hours} h of 24`);
  // Each chart of the device is told of the range; one of them makes it the address.
  assert.equal(await page.evaluate(() => history.length), entries + 1);
  await page.goBack();
  await page.getByText("Đang theo trực tiếp").waitFor();
  assert.equal(await page.getByRole("button", { name: "24 giờ" }).getAttribute("aria-pressed"), "true");
});

test("presets, typed times and steps choose the range", async (t) => {
  const reading = await firstLive(it.site.url);
  const page = await it.open(t, `#/device/${reading.device}`);
  await page.getByRole("button", { name: "1 giờ" }).click();
  await page.waitForURL(/range=h1/);
  await page.getByRole("button", { name: "Lùi lại" }).click();
  await page.waitForURL(/from=\d+&to=\d+/);
  // The address is first; what is typed before the fields follow it is theirs.
  const earlier = new Date(Number(/from=(\d+)/.exec(page.url())[1]) + 7 * 3600_000).toISOString().slice(0, 16);
  await page.waitForFunction((shown) => document.querySelector(".from-to input").value.startsWith(shown), earlier);
  await page.getByLabel("Từ", { exact: true }).fill("2026-01-02T00:00");
  await page.getByLabel("Đến", { exact: true }).fill("2026-01-01T00:00");
  await page.getByRole("button", { name: "Xem", exact: true }).click();
  await page.getByText("“Từ” phải trước “Đến”").waitFor();
  await page.getByLabel("Đến", { exact: true }).fill("2026-01-03T00:00");
  await page.getByRole("button", { name: "Xem", exact: true }).click();
  // Midnight in the city is 17:00 of the day before in UTC.
  await page.waitForURL((url) => url.hash.includes(`from=${Date.parse("2026-01-01T17:00:00Z")}`));
});

test("what is simulated says so, and its readings can be downloaded", async (t) => {
  const devices = await it.api("/api/v1/devices?limit=1000");
  const simulated = devices.items.find((each) => each.simulated && each.datastreams.length);
  assert.ok(simulated, "the city has a simulated device");
  const page = await it.open(t, `#/device/${simulated.name}?range=h1`);
  await page.locator(".device-title .badge-simulated").waitFor();
  const href = await page.locator(".panel-foot a").first().getAttribute("href");
  const response = await fetch(new URL(href, it.site.url));
  assert.match(response.headers.get("content-type"), /text\/csv/);
  assert.match(await response.text(), /^device,datastream,time,received,value,unit,quality,boot,seq/);
});

test("an unknown device is said to be unknown", async (t) => {
  const page = await it.open(t, "#/device/no-such-device");
  await page.getByText("Không có thiết bị này").waitFor();
});
