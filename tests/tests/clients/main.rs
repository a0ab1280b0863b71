//! Other people's MQTT clients: mosquitto_pub and mosquitto_sub, paho-mqtt, MQTT.js, rumqttc, each
//! with 3.1.1 and 5, over TCP and over WebSocket.

mod crossing;
mod lasting;
mod process;
mod tools;
