// Serves the public API's contract with a made-up city, and the built page beside it.
// `node mock/server.mjs [port]`; prints one line `ready http://…`.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { chance, fleet, silent, value } from "./city.mjs";
import { Feed } from "./feed.mjs";
import { deadLetters, replay } from "./dead-letters.mjs";

const devices = fleet(Number(process.env.MOCK_DEVICES ?? 300));
const byName = new Map(devices.map((device) => [device.name, device]));
const feed = new Feed(devices, Number(process.env.MOCK_RATE ?? 40));
const letters = deadLetters(devices);
const dist = fileURLToPath(new URL("../dist/", import.meta.url));

export const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; " +
  "connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const iso = (ms) => new Date(ms).toISOString().replace("Z", "000Z");
const at = (text, fallback) => (text == null ? fallback : /^-?\d+$/.test(text) ? Number(text) : Date.parse(text));

function json(res, body, status = 200, type = "application/json") {
  res.writeHead(status, { "content-type": type, "cache-control": "no-store" });
  res.end(JSON.stringify(body));
}

const problem = (res, status, title, detail) =>
  json(res, { type: "about:blank", title, status, detail }, status, "application/problem+json");

function page(res, items, query, limitMax = 1000) {
  const limit = Math.min(Number(query.get("limit") ?? 100), limitMax);
  const start = Number(query.get("cursor") ?? 0);
  const end = start + limit;
  json(res, { items: items.slice(start, end), ...(end < items.length ? { next: String(end) } : {}) });
}

function seen(device) {
  const last = feed.lastSeen(device.name);
  return { ...device, last_seen: last ? iso(last) : null, status: last && last > Date.now() - 600_000 ? "online" : "offline" };
}

function matching(query) {
  const [device, property, place] = ["device", "property", "place"].map((key) => query.get(key));
  const chosen = device ? [byName.get(device)].filter(Boolean) : devices;
  return chosen
    .filter((d) => !place || d.place === place)
    .flatMap((d) => d.datastreams.filter((s) => !property || s.property === property).map((s) => ({ device: d.name, place: d.place, ...s })));
}

function series(query) {
  const device = byName.get(query.get("device"));
  const stream = device?.datastreams.find((s) => s.name === query.get("datastream"));
  if (!stream) return null;
  const now = Date.now();
  const to = at(query.get("to"), now);
  const from = at(query.get("from"), to - 86_400_000);
  const width = Math.max(1000, Math.ceil((to - from) / Number(query.get("points") ?? 1000) / 1000) * 1000);
  const items = [];
  const step = Math.max(10_000, width / 4);
  const begin = now - 400 * 86_400_000;
  for (let start = Math.floor(from / width) * width; start < Math.min(to, now); start += width) {
    const values = [];
    for (let t = Math.ceil(start / step) * step; t < Math.min(start + width, now); t += step) {
      if (t > begin && !silent(device.name, t, now)) values.push(value(device.name, stream.property, t).value);
    }
    if (!values.length) continue;
    const [min, max] = [Math.min(...values), Math.max(...values)];
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    items.push({ time: iso(start), count: values.length, min, mean, max, last: values.at(-1) });
  }
  return { device: device.name, datastream: stream.name, property: stream.property, unit: stream.unit, from: iso(from), to: iso(to), bucket_s: width / 1000, items };
}

function readingsCsv(res, query) {
  const found = series(query);
  if (!found) return problem(res, 404, "Not found", "datastream");
  res.writeHead(200, { "content-type": "text/csv; charset=utf-8" });
  const rows = found.items.map((b) => [found.device, found.datastream, b.time, b.time, b.last, found.unit, "good", "", ""].join(","));
  res.end(`device,datastream,time,received,value,unit,quality,boot,seq\r\n${rows.join("\r\n")}\r\n`);
}

function figures(device) {
  const total = { received: 0, stored: 0, duplicate: 0, rejected: 0, pending: 0, unread: 0 };
  for (const d of device ? [device] : devices) {
    const stored = feed.count(d.name) + (chance(`s${d.name}`) < 0.02 ? 0 : 8640);
    const duplicate = chance(`d${d.name}`) < 0.15 ? Math.floor(chance(`e${d.name}`) * 90) : 0;
    const rejected = letters.filter((l) => l.device === d.name && !l.replayed).reduce((sum, l) => sum + l.readings, 0);
    total.received += stored + duplicate + rejected;
    total.stored += stored;
    total.duplicate += duplicate;
    total.rejected += rejected;
  }
  return total;
}

const ready = () => ({ ready: true, parts: Object.fromEntries(["broker", "ingest", "log", "store"].map((name) => [name, { ready: true }])) });

const health = () => ({
  time: iso(Date.now()),
  ready: ready(),
  lag: { records: 0, seconds: 0, store_unavailable: false },
  log: { bytes: 48_234_496, segments: 3, queued_bytes: 0, start_offset: 0, end_offset: 1_000_000, stalled: false, failed: false },
  store: { bytes: 9_437_184, open_readings: 5120, parts_due: 0 },
  counts: { devices: devices.length, datastreams: devices.reduce((sum, d) => sum + d.datastreams.length, 0), live_subscribers: feed.subscribers },
  reconciliation: figures(),
});

function metrics(res) {
  const f = figures();
  res.writeHead(200, { "content-type": "text/plain; version=0.0.4" });
  res.end(
    [
      `nhip_readings_received_total ${f.received}`,
      `nhip_readings_rejected_total{reason="out_of_range"} ${f.rejected}`,
      `nhip_readings_pending 0`,
      `nhip_mqtt_connections ${devices.length}`,
      `nhip_mqtt_publishes_total ${f.received}`,
      `nhip_log_bytes 48234496`,
      `nhip_ingest_lag_seconds 0.004`,
      `nhip_store_bytes 9437184`,
      `nhip_live_subscribers ${feed.subscribers}`,
      `nhip_live_dropped_total 0`,
      `nhip_log_commit_seconds_sum 12.5`,
      `nhip_log_commit_seconds_count 9000`,
      `build_info{version="0.1.0",revision="mock"} 1`,
      "",
    ].join("\n"),
  );
}

const routes = {
  "/healthz": (res) => json(res, { alive: true }),
  "/readyz": (res) => json(res, ready()),
  "/api/v1/health": (res) => json(res, health()),
  "/metrics": (res) => metrics(res),
  "/api/v1/devices": (res, q) => page(res, devices.filter((d) => !q.get("property") || d.datastreams.some((s) => s.property === q.get("property"))).map(seen), q, 10_000),
  "/api/v1/datastreams": (res, q) => page(res, matching(q), q, 10_000),
  "/api/v1/latest": (res, q) => page(res, matching(q).flatMap((s) => feed.latest(s.device, s.name) ?? []), q, 10_000),
  "/api/v1/readings": (res, q) => readingsCsv(res, q),
  "/api/v1/series": (res, q) => {
    const found = series(q);
    return found ? json(res, found) : problem(res, 404, "Not found", "datastream: no such datastream");
  },
  "/api/v1/live": (res, q, req) => feed.serve(req, res, q),
  "/api/v1/reconciliation": (res, q) => {
    if (q.get("by") === "device") return page(res, devices.map((d) => ({ device: d.name, ...figures(d) })), q);
    return json(res, figures(byName.get(q.get("device"))));
  },
  "/api/v1/dead-letters": (res, q) => {
    const [reason, device, from, to] = ["reason", "device", "from", "to"].map((name) => q.get(name));
    const found = letters.filter((l) => (!reason || l.reason === reason) && (!device || l.device === device)
      && (!from || Date.parse(l.received) >= Number(from)) && (!to || Date.parse(l.received) < Number(to)));
    page(res, q.get("order") === "desc" ? found.toReversed() : found, q);
  },
};

// Like the API, the mock refuses what it doesn't know.
const AREA = ["place", "bbox", "near", "radius", "retired"];
const STREAM = ["device", "datastream", "property"];
const PAGED = ["limit", "cursor"];
const RANGE = ["from", "to"];
const PARAMS = {
  "/api/v1/devices": [...AREA, "property", ...PAGED],
  "/api/v1/datastreams": [...STREAM, ...AREA, ...PAGED],
  "/api/v1/latest": [...STREAM, ...AREA, ...PAGED],
  "/api/v1/readings": [...STREAM, ...AREA, ...RANGE, "order", "format", ...PAGED],
  "/api/v1/series": ["device", "datastream", ...RANGE, "points"],
  "/api/v1/live": [...STREAM, ...AREA, "after"],
  "/api/v1/reconciliation": ["device", "by", ...PAGED],
  "/api/v1/dead-letters": ["reason", "device", "order", ...RANGE, ...PAGED],
};

const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2", ".geojson": "application/geo+json", ".csv": "text/csv" };

async function file(res, path) {
  const name = normalize(path === "/" ? "/index.html" : path);
  const body = await readFile(join(dist, name)).catch(() => null);
  if (!body) return problem(res, 404, "Not found", path);
  res.writeHead(200, { "content-type": TYPES[extname(name)] ?? "application/octet-stream", "content-security-policy": CSP, "x-content-type-options": "nosniff" });
  res.end(body);
}

async function body(req) {
  let text = "";
  for await (const chunk of req) text += chunk;
  return JSON.parse(text || "{}");
}

export const server = createServer(async (req, res) => {
  const url = new URL(req.url, "http://mock");
  if (req.method === "POST" && url.pathname === "/api/v1/dead-letters/replay") {
    return json(res, replay(letters, await body(req), iso(Date.now())));
  }
  // Of the mock alone: breaks every live connection off.
  if (req.method === "POST" && url.pathname === "/mock/cut") {
    feed.cut();
    return json(res, {});
  }
  // Of the mock alone: a device that nobody knew sends once.
  if (req.method === "POST" && url.pathname === "/mock/first-reading") {
    const device = { name: url.searchParams.get("device"), simulated: true, registered: iso(Date.now()), datastreams: [{ name: "pm2_5", property: "pm2_5", unit: "ug/m3" }] };
    byName.set(device.name, device);
    devices.push(device);
    feed.first(device, 33);
    return json(res, {});
  }
  const one = /^\/api\/v1\/devices\/([^/]+)$/.exec(url.pathname);
  if (one) {
    const device = byName.get(decodeURIComponent(one[1]));
    return device ? json(res, seen(device)) : problem(res, 404, "Not found", "device: no such device");
  }
  const route = routes[url.pathname];
  const unknown = [...url.searchParams.keys()].find((key) => !(PARAMS[url.pathname] ?? []).includes(key));
  if (unknown && route) return problem(res, 400, "Bad request", `${unknown}: unknown parameter`);
  return route ? route(res, url.searchParams, req) : file(res, decodeURIComponent(url.pathname));
});

server.listen(Number(process.argv[2] ?? 8080), "127.0.0.1", () => {
  process.stdout.write(`ready http://127.0.0.1:${server.address().port}\n`);
});
