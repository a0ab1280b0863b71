// MQTT.js as a client of the platform:
//   client.mjs PORT VERSION publish TOPIC PAYLOAD   – QoS 1, ends when acknowledged
//   client.mjs PORT VERSION subscribe FILTER COUNT  – prints "subscribed", then each payload
import mqtt from "mqtt";

const [port, version, verb, topic, last] = process.argv.slice(2);
const client = mqtt.connect(`mqtt://127.0.0.1:${port}`, {
  protocolVersion: Number(version),
  reconnectPeriod: 0,
  connectTimeout: 10_000,
});
client.on("error", (error) => {
  console.error(String(error));
  process.exit(1);
});
client.on("connect", () => {
  if (verb === "publish") {
    client.publish(topic, last, { qos: 1 }, (error) => {
      if (error) throw error;
      client.end();
    });
    return;
  }
  let missing = Number(last);
  client.on("message", (_topic, payload) => {
    console.log(payload.toString());
    missing -= 1;
    if (missing === 0) client.end();
  });
  client.subscribe(topic, { qos: 1 }, (error) => {
    if (error) throw error;
    console.log("subscribed");
  });
});
