// The live feed: readings a second from random devices, resumable within its memory.
import { silent, value } from "./city.mjs";

const MEMORY_EVENTS_MAX = 20_000;
const iso = (ms) => new Date(ms).toISOString().replace("Z", "000Z");

export class Feed {
  #events = [];
  #offset = 0;
  #latest = new Map();
  #counts = new Map();
  #clients = new Set();
  #sockets = new Set();

  constructor(devices, rate) {
    this.devices = [...devices];
    const now = Date.now();
    for (const device of devices) {
      for (const age of [3 * 3600_000 + 60_000, 60_000 * 4, 20_000]) this.#take(device, now - age, now);
    }
    this.#events = [];
    setInterval(() => this.#tick(rate / 4), 250).unref();
  }

  get subscribers() {
    return this.#clients.size;
  }

  latest(device, stream) {
    return this.#latest.get(`${device}/${stream}`);
  }

  lastSeen(device) {
    return this.#counts.get(device)?.last;
  }

  count(device) {
    return this.#counts.get(device)?.count ?? 0;
  }

  #tick(count) {
    const now = Date.now();
    for (let i = 0; i < count; i++) this.#take(this.devices[Math.floor(Math.random() * this.devices.length)], now, now);
  }

  #take(device, time, now) {
    if (silent(device.name, time, now)) return;
    const count = this.#counts.get(device.name)?.count ?? 0;
    const offset = this.#offset++;
    device.datastreams.forEach((stream, index) => {
      const reading = {
        device: device.name,
        datastream: stream.name,
        property: stream.property,
        place: device.place,
        time: iso(time - 1500),
        received: iso(time),
        ...value(device.name, stream.property, time),
        quality: count % 97 === 96 ? "suspect" : "good",
        boot: 1,
        seq: count,
        time_source: "device",
      };
      this.#latest.set(`${device.name}/${stream.name}`, reading);
      this.#send({ id: `${offset}.${index}`, offset, index, reading });
    });
    this.#counts.set(device.name, { count: count + device.datastreams.length, last: time });
  }

  #send(event) {
    this.#events.push(event);
    if (this.#events.length > MEMORY_EVENTS_MAX) this.#events.splice(0, MEMORY_EVENTS_MAX / 2);
    for (const client of this.#clients) client(event);
  }

  /** One reading of a device, and then never again. */
  first(device, value) {
    const [stream] = device.datastreams;
    const time = iso(Date.now());
    const reading = { device: device.name, datastream: stream.name, property: stream.property, time, received: time, value, unit: stream.unit, quality: "good", boot: 1, seq: 0, time_source: "device" };
    this.#latest.set(`${device.name}/${stream.name}`, reading);
    this.#counts.set(device.name, { count: 1, last: Date.now() });
    this.#send({ id: `${this.#offset}.0`, offset: this.#offset++, index: 0, reading });
  }

  cut() {
    for (const socket of this.#sockets) socket.destroy();
  }

  serve(req, res, query) {
    res.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    const [device, property, place] = ["device", "property", "place"].map((key) => query.get(key));
    const write = ({ id, reading }) => {
      if (device && reading.device !== device) return;
      if (property && reading.property !== property) return;
      if (place && reading.place !== place) return;
      res.write(`id: ${id}\ndata: ${JSON.stringify(reading)}\n\n`);
    };
    res.write(": welcome\n\n");
    const after = /^(\d+)\.(\d+)$/.exec(req.headers["last-event-id"] ?? "");
    if (after) {
      const [offset, index] = [Number(after[1]), Number(after[2])];
      this.#events.filter((e) => e.offset > offset || (e.offset === offset && e.index > index)).forEach(write);
    }
    this.#clients.add(write);
    const beat = setInterval(() => res.write(": beat\n\n"), 5000);
    this.#sockets.add(req.socket);
    req.on("close", () => {
      this.#sockets.delete(req.socket);
      clearInterval(beat);
      this.#clients.delete(write);
    });
  }
}
