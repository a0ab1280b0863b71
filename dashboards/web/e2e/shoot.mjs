// Pictures of every page for the eye: `node e2e/shoot.mjs DIR [name…]`; the names are `<page>-<size>-<language>-<scheme>`.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { browser, platform } from "./browser.mjs";

const [dir = "shots", ...wanted] = process.argv.slice(2);
const SIZES = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
const PAGES = { map: "#/", card: "#/?device=", devices: "#/devices", device: "#/device/", health: "#/health", letters: "#/dead-letters" };

const site = await platform();
const chromium = await browser();
await mkdir(dir, { recursive: true });
const devices = await (await fetch(`${site.url}/api/v1/devices?limit=1000`)).json();
const device = devices.items.find((each) => each.datastreams.some((stream) => stream.property === "pm2_5")).name;

for (const [size, viewport] of Object.entries(SIZES)) {
  for (const language of ["vi", "en"]) {
    for (const colorScheme of ["light", "dark"]) {
      const context = await chromium.newContext({ viewport, colorScheme, deviceScaleFactor: 1, hasTouch: size === "phone" });
      await context.addInitScript((value) => localStorage.setItem("nhip.language", value), language);
      for (const [name, hash] of Object.entries(PAGES)) {
        const shot = `${name}-${size}-${language}-${colorScheme}`;
        if (wanted.length && !wanted.some((part) => shot.startsWith(part) || shot.includes(part))) continue;
        const page = await context.newPage();
        page.on("console", (message) => ["error", "warning"].includes(message.type()) && console.error(shot, message.text()));
        page.on("pageerror", (error) => console.error(shot, error.message));
        await page.goto(`${site.url}/${hash}${hash.endsWith("/") && hash.length > 2 || hash.endsWith("=") ? device : ""}`);
        await page.locator('.connection[data-state="live"]').waitFor();
        if (name === "map" || name === "card") await page.locator('.map-canvas[data-idle="true"]').waitFor({ timeout: 60_000 });
        else await page.waitForLoadState("load");
        if (name === "device") await page.locator(".chart-box:not([data-points='0'])").first().waitFor();
        if (name === "letters") await page.locator(".letter").first().waitFor();
        if (name === "health") await page.locator("[data-adds-up]").waitFor();
        await page.screenshot({ path: join(dir, `${shot}.png`) });
        await page.close();
      }
      await context.close();
    }
  }
}
await chromium.close();
await site.close();
