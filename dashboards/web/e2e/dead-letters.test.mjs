import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { city, until } from "./harness.mjs";
import { MQTT, publish } from "./publish.mjs";

const it = city();
const NASTY = "<script>window.__pwned=1</script>\u001b[31mred";

/** A device of its own whose messages can't be taken; the mock has a device that has them. */
async function troubled() {
  if (it.site.mock) {
    const { items } = await it.api("/api/v1/dead-letters?limit=50");
    const { device, reason } = items.find((each) => /^[a-z0-9-]+$/.test(each.device) && each.reason === "out_of_range");
    return { device, reason };
  }
  const device = `kiem-thu-${randomUUID().slice(0, 8)}`;
  const topic = `devices/${device}/readings/json`;
  await publish(topic, '{"readings": {');
  await publish(topic, JSON.stringify({ readings: { [NASTY]: 1 } }));
  await publish(topic, Buffer.from([0xff, 0xfe, 0x00, 0x1b]));
  await it.put(`/api/v1/devices/${device}`, { datastreams: [{ name: "temperature" }] });
  await it.remove(`/api/v1/devices/${device}`);
  await publish(topic, '{"boot": 1, "seq": 1, "readings": {"temperature": 31.4}}');
  await until(async () => (await letters(device)).length === 4);
  return { device, reason: "retired_device" };
}

const letters = async (device) => (await it.api(`/api/v1/dead-letters?device=${device}`)).items;
const skipped = (t) => !it.site.mock && !MQTT && (t.skip("NHIP_MQTT doesn't say where to publish"), true);

test("dead letters are listed as they came, the newest first, and harm nothing", async (t) => {
  if (skipped(t)) return;
  const { device } = await troubled();
  const page = await it.open(t, it.site.mock ? "#/dead-letters" : `#/dead-letters?device=${device}`);
  await page.locator(".letter").first().waitFor();
  for (const summary of await page.locator(".letter summary").all()) await summary.click();
  assert.equal(await page.evaluate(() => window.__pwned), undefined);
  assert.equal(await page.locator(".letters script").count(), 0);
  const text = await page.locator(".letters").innerText();
  assert.doesNotMatch(text, /[\u0000-\u0008\u000e-\u001f]/);
  assert.ok(text.includes("<script>"), "what came is shown as text");
  const times = await page.locator(".letter time").evaluateAll((all) => all.map((each) => each.dateTime));
  assert.deepEqual(times, times.toSorted().reverse());
  await page.getByRole("combobox", { name: "Thứ tự" }).selectOption("asc");
  await page.waitForURL(/order=asc/);
  await page.waitForFunction((first) => document.querySelector(".letter time")?.dateTime === first, (await first("asc", device)).received);
});

const first = async (order, device) =>
  (await it.api(`/api/v1/dead-letters?limit=1&order=${order}${it.site.mock ? "" : `&device=${device}`}`)).items[0];

test("dead letters are narrowed by device and by time", async (t) => {
  if (skipped(t)) return;
  const { device } = await troubled();
  const page = await it.open(t, "#/dead-letters");
  await page.locator(".letter").first().waitFor();
  await page.getByLabel("Thiết bị", { exact: true }).fill(device);
  await page.getByRole("button", { name: "Lọc" }).click();
  await page.waitForURL((url) => url.hash.includes(`device=${device}`));
  await page.waitForFunction(
    (only) => [...document.querySelectorAll(".letter-device")].every((each) => each.textContent === only),
    device,
  );
  await page.getByLabel("Đến", { exact: true }).fill("2020-01-01T00:00");
  await page.getByRole("button", { name: "Lọc" }).click();
  await page.getByText("Không có bản tin lỗi nào khớp bộ lọc").waitFor();
});

test("a dead letter is replayed after its cause was mended, and its reading is stored", async (t) => {
  if (skipped(t)) return;
  const { device, reason } = await troubled();
  if (!it.site.mock) await it.put(`/api/v1/devices/${device}`, {});
  const page = await it.open(t, `#/dead-letters?device=${device}`);
  await page.locator(".letter").first().waitFor();
  await page.getByRole("combobox", { name: "Lý do" }).selectOption(reason);
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
  await page.getByText("Đã gửi lại 1 bản tin. 1 bản tin đã được lưu.").waitFor();
  if (it.site.mock) return;
  await until(async () => (await it.api(`/api/v1/latest?device=${device}`)).items[0]?.value === 31.4);
  const figures = await it.api(`/api/v1/reconciliation?device=${device}`);
  assert.deepEqual([figures.received, figures.stored, figures.rejected], [4, 1, 3]);
  await page.goto(`${it.site.url}/#/device/${device}`);
  await page.getByText("31,4\u00a0°C").first().waitFor();
});

test("a dead letter that fails again says so with its reason", async (t) => {
  if (skipped(t)) return;
  const device = it.site.mock ? (await it.api("/api/v1/dead-letters?reason=undecodable&limit=1")).items[0].device : (await troubled()).device;
  const page = await it.open(t, `#/dead-letters?device=${device}&reason=undecodable`);
  await page.locator(".letter input[type=checkbox]").first().check();
  await page.getByRole("button", { name: "Gửi lại các mục đã chọn" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Gửi lại" }).click();
  await page.getByText(/Đã gửi lại 1 bản tin\. 1 bản tin vẫn bị từ chối: \S/).waitFor();
  await page.locator(".letter-replayed").first().waitFor();
});
