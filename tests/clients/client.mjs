// MQTT.js as a client of the platform, with a session that outlives it:
//   client.mjs TRANSPORT PORT VERSION ID publish TOPIC QOS  – each line of the input is a
//                                         payload; ends when all are acknowledged
//   client.mjs TRANSPORT PORT VERSION ID leave FILTER QOS   – subscribes and goes away
//   client.mjs TRANSPORT PORT VERSION ID take FILTER QOS    – prints "subscribed", and each payload
// What it sends and gets goes to the standard error.
import { createInterface } from "node:readline";
import mqtt from "mqtt";

const PACKET_ID_NOT_FOUND = 0x92;

const [transport, port, version, clientId, verb, topic, level] = process.argv.slice(2);
const qos = Number(level);
const url = transport === "ws" ? `ws://127.0.0.1:${port}/mqtt` : `mqtt://127.0.0.1:${port}`;
const client = mqtt.connect(url, {
  clientId,
  clean: false,
  protocolVersion: Number(version),
  properties: version === "5" ? { sessionExpiryInterval: 3600 } : undefined,
  reconnectPeriod: 50,
});
// A connection that is lost comes again; what has a code is a refusal.
client.on("error", (error) => {
  if (typeof error.code === "number") throw error;
});
const trace = (what) => (packet) => {
  const { cmd, messageId, dup, reasonCode, payload } = packet;
  const words = [Date.now(), what, cmd, messageId, dup && "again", reasonCode, payload];
  console.error(words.filter((word) => word).join(" "));
};
client.on("packetsend", trace("sends"));
client.on("packetreceive", trace("gets"));
client.on("close", () => trace("is")({ cmd: "cut" }));
client.on("message", (_topic, payload) => console.log(payload.toString()));
if (verb === "publish") {
  let waiting = 1;
  const done = () => {
    waiting -= 1;
    if (waiting === 0) client.end();
  };
  const publish = (line) => {
    client.publish(topic, line, { qos }, (error) => {
      // Cut while it waited for older ones to be sent again: MQTT.js hasn't kept it. Not at once,
      // for MQTT.js is going through those that wait, and would never come to the end of them.
      if (error?.message === "Connection closed") return queueMicrotask(() => publish(line));
      // On a new connection this PUBCOMP is no error (MQTT 5, 3.7.2.1), which MQTT.js says it is.
      if (error && error.code !== PACKET_ID_NOT_FOUND) throw error;
      done();
    });
  };
  const input = createInterface({ input: process.stdin });
  input.on("line", (line) => {
    waiting += 1;
    publish(line);
  });
  input.on("close", done);
} else {
  const subscribe = () => {
    client.subscribe(topic, { qos }, (error) => {
      // The connection may be cut before it is answered: the next one asks again.
      if (error) return;
      client.off("connect", subscribe);
      console.log("subscribed");
      if (verb === "leave") client.end();
    });
  };
  client.on("connect", subscribe);
}
