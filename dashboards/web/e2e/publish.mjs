// Publishes to the platform under test as any device would: with mosquitto_pub, QoS 1.
import { spawn } from "node:child_process";
import { once } from "node:events";

/** Where the platform takes MQTT, or null where the tests run on the mock. */
export const MQTT = process.env.NHIP_MQTT ?? null;

/** Publishes one payload (text or bytes); ends when the platform has acknowledged it. */
export async function publish(topic, payload) {
  const [host, port] = MQTT.split(":");
  const child = spawn("mosquitto_pub", ["-h", host, "-p", port, "-q", "1", "-t", topic, "-s"], { stdio: ["pipe", "inherit", "inherit"] });
  const ended = once(child, "exit");
  child.stdin.end(payload);
  const [code] = await ended;
  if (code !== 0) throw new Error(`mosquitto_pub ended with ${code}`);
}
