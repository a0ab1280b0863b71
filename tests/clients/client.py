"""paho-mqtt as a client of the platform, with a session that outlives it:

client.py TRANSPORT PORT VERSION ID publish TOPIC QOS  - each line of the input is a payload;
                                                         ends when all are acknowledged
client.py TRANSPORT PORT VERSION ID leave FILTER QOS   - subscribes and goes away
client.py TRANSPORT PORT VERSION ID take FILTER QOS    - prints "subscribed", and each payload

What it sends and gets goes to the standard error.
"""

import os
import select
import sys
import time

import paho.mqtt.client as mqtt
from paho.mqtt.enums import MessageState
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

TRANSPORT, PORT, VERSION, ID, VERB, TOPIC, QOS = sys.argv[1:8]
PACKET_ID_NOT_FOUND = 0x92
RETRY_S = 0.05
TICK_S = 1
INPUT = 0


class Client(mqtt.Client):
    def reconnect(self):
        """paho 2.1 knows for one attempt only that PUBREC has come: with the second it goes back
        to PUBLISH, which is another message to a server that has PUBREL (MQTT-4.3.3-6)."""
        resent = MessageState.MQTT_MS_RESEND_PUBREL
        released = [m for m in self._out_messages.values() if m.state == resent]
        try:
            return super().reconnect()
        finally:
            for message in released:
                message.state = resent


class Publisher:
    """One thread: what another one publishes while paho connects overtakes what paho is about
    to send again."""

    def __init__(self, client):
        self.client = client
        self.waiting = 0
        self.input = b""
        self.is_ended = False
        client.on_publish = self.on_publish

    def on_publish(self, _client, _userdata, _mid, reason, _properties):
        # On a new connection this PUBCOMP is no error (MQTT 5, 3.7.2.1), which paho says it is.
        if reason.is_failure and not (QOS == "2" and reason.value == PACKET_ID_NOT_FOUND):
            sys.exit(f"not taken: {reason}")
        self.waiting -= 1

    def run(self):
        while not self.is_ended or self.waiting:
            if self.client.socket() is None:
                self.connect()
            else:
                self.turn()
        self.client.disconnect()
        while self.client.socket() is not None:
            self.client.loop_write()

    def connect(self):
        try:
            self.client.reconnect()
        except OSError:
            time.sleep(RETRY_S)

    def turn(self):
        socket = self.client.socket()
        reads = [socket]
        # Before it is connected it keeps no message with QoS 0.
        if self.client.is_connected() and not self.is_ended:
            reads.append(INPUT)
        writes = [socket] if self.client.want_write() else []
        reads, writes, _ = select.select(reads, writes, [], TICK_S)
        if socket in reads:
            self.client.loop_read()
        if socket in writes:
            self.client.loop_write()
        self.client.loop_misc()
        if INPUT in reads:
            self.publish(os.read(INPUT, 65536))

    def publish(self, more):
        self.is_ended = not more
        *lines, self.input = (self.input + more).split(b"\n")
        for line in lines:
            self.waiting += 1
            self.client.publish(TOPIC, line, qos=int(QOS))


def on_connect(client, _userdata, _flags, reason, _properties):
    if reason != 0:
        sys.exit(f"refused: {reason}")
    if VERB != "publish":
        client.subscribe(TOPIC, qos=int(QOS))


def on_subscribe(client, _userdata, _mid, _reasons, _properties):
    print("subscribed", flush=True)
    if VERB == "leave":
        client.disconnect()


def on_message(_client, _userdata, message):
    print(message.payload.decode(), flush=True)


def on_log(_client, _userdata, _level, text):
    print(f"{time.time():.3f} {text}", file=sys.stderr)


is_5 = VERSION == "5"
client = Client(
    mqtt.CallbackAPIVersion.VERSION2,
    client_id=ID,
    clean_session=None if is_5 else False,
    protocol=mqtt.MQTTv5 if is_5 else mqtt.MQTTv311,
    transport="websockets" if TRANSPORT == "ws" else "tcp",
)
client.on_connect = on_connect
client.on_subscribe = on_subscribe
client.on_message = on_message
client.on_log = on_log
client.reconnect_delay_set(RETRY_S, 4 * RETRY_S)
options = {}
if is_5:
    session = Properties(PacketTypes.CONNECT)
    session.SessionExpiryInterval = 3600
    options = {"clean_start": False, "properties": session}
client.connect_async("127.0.0.1", int(PORT), **options)
if VERB == "publish":
    Publisher(client).run()
else:
    client.loop_forever(retry_first_connection=True)
