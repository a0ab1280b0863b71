import assert from "node:assert/strict";
import { test } from "node:test";
import { city, firstLive, live, mapDrawn } from "./harness.mjs";

const it = city();
const words = (slug) => slug.split("-").slice(1).join(" ");

test("the map draws the devices, its legend and where its water comes from", async (t) => {
  const page = await it.open(t);
  await live(page);
  await mapDrawn(page);
  const marks = Number(await page.locator(".map-canvas").getAttribute("data-marks"));
  const devices = await it.api("/api/v1/devices?limit=10000");
  assert.ok(marks > 0 && marks <= devices.items.length, `${marks} marks`);
  assert.match(await page.locator(".maplibregl-ctrl-attrib").innerText(), /© OpenStreetMap contributors/);
  assert.match(await page.locator(".legend").innerText(), /Không có dữ liệu/);
});

test("the map shows every device first, each by its main value", async (t) => {
  const { items } = await it.api("/api/v1/devices?limit=10000");
  const page = await it.open(t);
  await mapDrawn(page);
  const shown = items.filter(({ datastreams }) => datastreams.length > 0).length;
  await page.waitForFunction(
    (count) => document.querySelector(".list-count > [aria-hidden]")?.textContent.replace(/\D/g, "") === String(count), shown,
  );
  assert.match(await page.locator(".map-head option:checked").innerText(), /Mọi thiết bị/);
  assert.match(await page.locator(".legend").innerText(), /Chất lượng không khí[^]*Đại lượng khác/);
  await page.locator(".row-value.value-fresh").first().waitFor();
  const water = items.find((each) => each.position && each.datastreams.some(({ property }) => property === "water_level"));
  await page.getByRole("searchbox").fill(water.name);
  const row = page.locator(".row", { has: page.locator(`[data-device="${water.name}"]`) });
  await row.waitFor();
  assert.match(await row.innerText(), /Mực nước ·/);
});

test("the map itself says that its devices are simulated, on a phone too", async (t) => {
  const { items } = await it.api("/api/v1/devices?limit=10000");
  assert.ok(items.some(({ simulated, position }) => simulated && position));
  for (const viewport of [{ width: 1440, height: 900 }, { width: 390, height: 844 }]) {
    const page = await it.open(t, "#/", { viewport });
    const note = page.locator(".map-area .map-simulated");
    await note.waitFor();
    assert.match(await note.innerText(), /^Mô phỏng/);
    const box = await note.boundingBox();
    assert.ok(box.x >= 0 && box.x + box.width <= viewport.width, "the note is on the screen");
  }
});

test("a click on a mark opens the card of that device, which leads to its page", async (t) => {
  const list = await it.api("/api/v1/latest?property=pm2_5&limit=1000");
  const devices = await it.api("/api/v1/devices?property=pm2_5&limit=1000");
  const there = devices.items.find((each) => each.position && list.items.some((reading) => reading.device === each.name));
  const page = await it.open(t, `#/?property=pm2_5&device=${there.name}`);
  await mapDrawn(page);
  await page.locator(".device-card").getByRole("button").click();
  await page.locator(".device-card").waitFor({ state: "detached" });
  // The card's device was brought to the middle of the map; devices may stand side by side there.
  const box = await page.locator(".map-canvas").boundingBox();
  await page.waitForFunction(() => document.querySelector(".map-canvas").dataset.idle === "true");
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  await page.locator(".device-card").waitFor();
  const selected = new URL(await page.url()).hash;
  assert.match(selected, /device=/);
  await page.locator(".device-card a.button").click();
  await page.locator(".device-title h1").waitFor();
  assert.match(page.url(), /#\/device\//);
});

test("another property colours the map anew and stays in the address", async (t) => {
  const page = await it.open(t);
  await mapDrawn(page);
  const options = await page.locator(".map-head option").evaluateAll((all) => all.map((each) => each.value));
  assert.ok(options.length > 1, "more than one property");
  assert.equal(await page.locator(".map-head select").inputValue(), "*");
  const other = options.find((each) => each !== "*");
  await page.locator(".map-head select").selectOption(other);
  await page.waitForURL((url) => url.hash.includes(`property=${other}`));
  await page.reload();
  await mapDrawn(page);
  assert.equal(await page.locator(".map-head select").inputValue(), other);
});

test("search finds places without their diacritics", async (t) => {
  const devices = await it.api("/api/v1/devices?limit=1000");
  const place = devices.items.map((each) => each.place).find((each) => each && each.split("-").length > 2 && !/\d/.test(each));
  const page = await it.open(t, "#/devices");
  await page.locator(".row").first().waitFor();
  const before = await page.locator(".list-count > [aria-hidden]").innerText();
  await page.getByRole("searchbox").fill(words(place));
  await page.waitForFunction((old) => document.querySelector(".list-count > [aria-hidden]").textContent !== old, before);
  const rows = await page.locator(".row-main").allInnerTexts();
  assert.ok(rows.length > 0, `nothing found for ${words(place)}`);
  const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").replace(/đ/gi, "d").toLowerCase();
  for (const row of rows) for (const word of words(place).split(" ")) assert.ok(fold(row).includes(word), `${row} has no ${word}`);
  await page.getByRole("searchbox").fill("không có ở đâu cả");
  await page.getByText("Không có thiết bị nào khớp").waitFor();
});

test("values change while one looks", async (t) => {
  // Noise is what a demo city measures most often.
  const reading = await firstLive(it.site.url, "?property=noise");
  const page = await it.open(t, `#/device/${reading.device}`);
  const time = page.locator(`[data-stream="${reading.datastream}"] .newest time`);
  await time.waitFor();
  const before = await time.getAttribute("datetime");
  await page.waitForFunction(
    ([stream, old]) => document.querySelector(`[data-stream="${stream}"] .newest time`)?.getAttribute("datetime") > old,
    [reading.datastream, before],
  );
});

test("the language is switched, kept, and changes the decimal mark", async (t) => {
  const page = await it.open(t, "#/?property=pm2_5");
  await page.locator(".row-value.value-fresh").first().waitFor();
  assert.equal(await page.locator("html").getAttribute("lang"), "vi");
  assert.match(await page.locator(".row-value.value-fresh").first().innerText(), /^[\d.]+,\d\sµg\/m³$/);
  await page.getByRole("button", { name: "English" }).click();
  await page.getByRole("heading", { name: "Map", exact: true }).waitFor();
  assert.equal(await page.locator("html").getAttribute("lang"), "en");
  assert.match(await page.locator(".row-value.value-fresh").first().innerText(), /^[\d,]+\.\d\sµg\/m³$/);
  await page.reload();
  await page.getByRole("heading", { name: "Map", exact: true }).waitFor();
});
