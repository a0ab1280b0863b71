"""paho-mqtt as a client of the platform:

client.py PORT VERSION publish TOPIC PAYLOAD   - QoS 1, ends when acknowledged
client.py PORT VERSION subscribe FILTER COUNT  - prints "subscribed", then each payload
"""

import sys

import paho.mqtt.client as mqtt

PORT, VERSION, VERB, TOPIC, LAST = sys.argv[1:6]
PROTOCOL = {"4": mqtt.MQTTv311, "5": mqtt.MQTTv5}[VERSION]
missing = int(LAST) if VERB == "subscribe" else 0


def on_connect(client, _userdata, _flags, reason, _properties):
    if reason != 0:
        sys.exit(f"refused: {reason}")
    if VERB == "publish":
        client.publish(TOPIC, LAST, qos=1)
    else:
        client.subscribe(TOPIC, qos=1)


def on_publish(client, _userdata, _mid, _reason, _properties):
    client.disconnect()


def on_subscribe(_client, _userdata, _mid, _reasons, _properties):
    print("subscribed", flush=True)


def on_message(client, _userdata, message):
    global missing
    print(message.payload.decode(), flush=True)
    missing -= 1
    if missing == 0:
        client.disconnect()


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=PROTOCOL)
client.on_connect = on_connect
client.on_publish = on_publish
client.on_subscribe = on_subscribe
client.on_message = on_message
client.connect("127.0.0.1", int(PORT))
client.loop_forever()
