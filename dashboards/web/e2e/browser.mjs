// Starts what the browser tests need: the page's server (unless NHIP_URL names one) and Chromium.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const FLAGS = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** The address of the platform, and what ends it. Without NHIP_URL the mock serves on a free port. */
export async function platform(env = {}) {
  if (process.env.NHIP_URL) return { url: process.env.NHIP_URL.replace(/\/$/, ""), mock: false, async close() {} };
  return mock(0, env);
}

/** The mock on a port (0: a free one). */
export async function mock(port = 0, env = {}) {
  const child = spawn(process.execPath, [new URL("../mock/server.mjs", import.meta.url).pathname, String(port)], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...env },
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const ready = /^ready (\S+)/.exec(line);
    if (!ready) continue;
    return {
      url: ready[1],
      mock: true,
      signal: (name) => child.kill(name),
      async close() {
        if (child.exitCode !== null) return;
        const gone = once(child, "exit");
        child.kill();
        await gone;
      },
    };
  }
  throw new Error("the mock did not start");
}

export function browser() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
}
