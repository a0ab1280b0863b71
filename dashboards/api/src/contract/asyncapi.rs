//! AsyncAPI 3.0 of what is not request and answer.

use super::integers;
use serde_json::{Value, json};

/// The grammar of names.
const NAME: &str = "^[a-z0-9][a-z0-9_.-]{0,62}$";

/// The document.
pub(crate) fn asyncapi() -> Value {
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Nhịp",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What devices publish over MQTT, and what subscribers get.",
            "license": { "name": "Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "channels": channels(),
        "operations": operations(),
        "components": { "schemas": schemas(), "messages": messages() },
    })
}

fn channels() -> Value {
    let device = json!({ "device": { "description": "The device's name." } });
    json!({
        "readings": {
            "address": "devices/{device}/readings/{format}",
            "description": "PUBACK means that the message is on the disk of the platform.",
            "parameters": {
                "device": { "description": "The device's name." },
                "format": { "enum": ["compact", "json", "senml-json", "senml-cbor"] },
            },
            "messages": { "readings": { "$ref": "#/components/messages/readings" } },
        },
        "status": {
            "address": "devices/{device}/status",
            "description": "Retained, and the device's will.",
            "parameters": device,
            "messages": { "status": { "$ref": "#/components/messages/status" } },
        },
        "commands": {
            "address": "devices/{device}/commands/{command}",
            "parameters": {
                "device": { "description": "The device's name." },
                "command": { "description": "What is to be done." },
            },
            "messages": { "command": { "$ref": "#/components/messages/command" } },
        },
        "live": {
            "address": "live/{property}/{place}/{device}/{datastream}",
            "description": "Normalised readings; `unplaced` where a device has no place.",
            "parameters": {
                "property": { "description": "The observed property." },
                "place": { "description": "The place of the device." },
                "device": { "description": "The device's name." },
                "datastream": { "description": "The datastream's name." },
            },
            "messages": { "reading": { "$ref": "#/components/messages/reading" } },
        },
        "events": {
            "address": "/api/v1/live",
            "description": "Server-sent events over HTTP; `Last-Event-ID` or `after` resumes.",
            "messages": {
                "reading": { "$ref": "#/components/messages/reading" },
                "dropped": { "$ref": "#/components/messages/dropped" },
            },
        },
        "socket": {
            "address": "/api/v1/live/ws",
            "description": "WebSocket; each message is one reading with its `id`; `after` resumes. It is closed \
                with a reason: 1001 the platform stops, 1011 the feed fails, 1013 the client \
                reads too slowly.",
            "messages": { "socketReading": { "$ref": "#/components/messages/socketReading" } },
        },
    })
}

fn operations() -> Value {
    let operation = |action: &str, channel: &str, summary: &str| {
        json!({
            "action": action,
            "channel": { "$ref": format!("#/channels/{channel}") },
            "summary": summary,
        })
    };
    json!({
        "takeReadings": operation("receive", "readings", "A device publishes readings."),
        "takeStatus": operation("receive", "status", "A device says that it is there or gone."),
        "command": operation("send", "commands", "A device is told to do something."),
        "publishLive": operation("send", "live", "Subscribers get normalised readings over MQTT."),
        "streamEvents": operation("send", "events", "Subscribers get them as server-sent events."),
        "streamSocket": operation("send", "socket", "Subscribers get them over WebSocket."),
    })
}

fn messages() -> Value {
    let message =
        |schema: &str| json!({ "payload": { "$ref": format!("#/components/schemas/{schema}") } });
    json!({
        "readings": message("Readings"),
        "status": { "contentType": "text/plain", "payload": { "enum": ["online", "offline"] } },
        "command": { "payload": {} },
        "reading": message("Reading"),
        "dropped": {
            "description": "The event `dropped`, the last of a stream: why it ends.",
            "payload": { "type": "object", "required": ["reason"], "properties": {
                "reason": { "type": "string" } } },
        },
        "socketReading": { "payload": { "allOf": [
            { "$ref": "#/components/schemas/Reading" },
            { "type": "object", "required": ["id"], "properties": {
                "id": { "type": "string", "description": "What `after` resumes from." } } },
        ] } },
    })
}

fn schemas() -> Value {
    let mut reading = <crate::model::Reading as utoipa::PartialSchema>::schema();
    integers::name_in(&mut reading);
    json!({
        "Reading": reading,
        "Name": { "type": "string", "pattern": NAME },
        "Readings": {
            "description": "The format `json`: one object, or an array of them.",
            "oneOf": [
                { "$ref": "#/components/schemas/Message" },
                { "type": "array", "items": { "$ref": "#/components/schemas/Message" } },
            ],
        },
        "Message": {
            "type": "object",
            "required": ["readings"],
            "properties": {
                "time": {
                    "$ref": "#/components/schemas/Time",
                    "description": "When they were measured; that of arrival if absent.",
                },
                "boot": { "type": "integer", "minimum": 0, "maximum": u32::MAX },
                "seq": { "type": "integer", "minimum": 0, "maximum": u64::MAX },
                "readings": {
                    "type": "object",
                    "propertyNames": { "$ref": "#/components/schemas/Name" },
                    "additionalProperties": { "oneOf": [
                        { "$ref": "#/components/schemas/Scalar" },
                        { "$ref": "#/components/schemas/Value" },
                    ] },
                },
            },
        },
        "Time": {
            "description": "RFC 3339 with an offset, or integer milliseconds since 1970; null is as \
                absent.",
            "oneOf": [
                { "type": "string", "format": "date-time" },
                { "type": "integer", "minimum": 100_000_000_000_u64,
                    "exclusiveMaximum": 100_000_000_000_000_u64 },
                { "type": "null" },
            ],
        },
        "Scalar": {
            "type": ["number", "boolean", "null"],
            "description": "`true` and `false` are 1 and 0; `null` is a reading of quality \
                `missing`.",
        },
        "Value": {
            "type": "object",
            "anyOf": [
                { "required": ["value"] },
                { "required": ["quality"], "properties": { "quality": { "const": "missing" } } },
            ],
            "properties": {
                "value": { "$ref": "#/components/schemas/Scalar" },
                "unit": {
                    "type": ["string", "null"],
                    "description": "UCUM; the datastream's own if absent.",
                },
                "quality": { "enum": [
                    "good", "suspect", "calibrating", "maintenance", "fault", "missing",
                ] },
                "time": {
                    "$ref": "#/components/schemas/Time",
                    "description": "The reading's own, in place of the message's.",
                },
            },
        },
    })
}
