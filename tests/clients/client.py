"""paho-mqtt as a client of the platform, with a session that outlives it:

client.py TRANSPORT PORT VERSION ID publish TOPIC QOS  - each line of the input is a payload;
                                                         ends when all are acknowledged
client.py TRANSPORT PORT VERSION ID leave FILTER QOS   - subscribes and goes away
client.py TRANSPORT PORT VERSION ID take FILTER QOS    - prints "subscribed", and each payload
"""

import sys
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

TRANSPORT, PORT, VERSION, ID, VERB, TOPIC, QOS = sys.argv[1:8]
connected = threading.Event()
acknowledged = threading.Semaphore(0)


def on_connect(client, _userdata, _flags, reason, _properties):
    if reason != 0:
        sys.exit(f"refused: {reason}")
    connected.set()
    if VERB != "publish":
        client.subscribe(TOPIC, qos=int(QOS))


def on_publish(_client, _userdata, _mid, reason, _properties):
    if reason.is_failure:
        sys.exit(f"not taken: {reason}")
    acknowledged.release()


def on_subscribe(client, _userdata, _mid, _reasons, _properties):
    print("subscribed", flush=True)
    if VERB == "leave":
        client.disconnect()


def on_message(_client, _userdata, message):
    print(message.payload.decode(), flush=True)


is_5 = VERSION == "5"
client = mqtt.Client(
    mqtt.CallbackAPIVersion.VERSION2,
    client_id=ID,
    clean_session=None if is_5 else False,
    protocol=mqtt.MQTTv5 if is_5 else mqtt.MQTTv311,
    transport="websockets" if TRANSPORT == "ws" else "tcp",
)
client.on_connect = on_connect
client.on_publish = on_publish
client.on_subscribe = on_subscribe
client.on_message = on_message
client.reconnect_delay_set(0.05, 0.2)
options = {}
if is_5:
    session = Properties(PacketTypes.CONNECT)
    session.SessionExpiryInterval = 3600
    options = {"clean_start": False, "properties": session}
client.connect_async("127.0.0.1", int(PORT), **options)
if VERB == "publish":
    client.loop_start()
    # Before it is connected it keeps no message with QoS 0.
    connected.wait()
    sent = [client.publish(TOPIC, line.rstrip("\n"), qos=int(QOS)) for line in sys.stdin]
    for _ in sent:
        acknowledged.acquire()
    client.disconnect()
    client.loop_stop()
else:
    client.loop_forever(retry_first_connection=True)
