//! Devices: listing, showing, putting, retiring.

use crate::{
    body::blocking,
    cursor,
    datastreams::datastream_model,
    json_body::JsonBody,
    model::{self, DevicePut, Page, Placing},
    params::{DevicesParams, NoParams, Params},
    parts::App,
    problem::Problem,
    time,
};
use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use nhip_registry::{DatastreamUpdate, Device, DeviceUpdate, Selection};
use std::{collections::BTreeMap, sync::Arc};

/// How many devices are listed unless told.
const LIMIT: usize = 1_000;

/// How many devices are looked at under one lock.
const STRIDE: usize = 1_024;

/// Devices, in order of name.
#[utoipa::path(get, path = "/api/v1/devices", tag = "devices", params(DevicesParams), responses(
    (status = 200, description = "One page.", body = Page<model::Device>),
    (status = 400, description = "A parameter can't be taken.", body = Problem)))]
pub(crate) async fn list_devices(
    State(app): State<App>,
    params: Params<DevicesParams>,
) -> Result<Json<Page<model::Device>>, Problem> {
    let mut selection = params.selection()?;
    let property = selection.property.take();
    let limit = params.integer("limit").unwrap_or(LIMIT);
    let after = params
        .text("cursor")
        .map(|text| cursor::open_name("devices", text))
        .transpose()?;
    blocking(&app, move |app| {
        let devices = find(app, &selection, property.as_deref(), after, limit + 1);
        let next = devices.get(limit).and(devices.get(limit - 1));
        let next = next.map(|device| cursor::seal("devices", device.name.as_bytes()));
        let items = devices
            .iter()
            .take(limit)
            .map(|device| device_model(app, device));
        Ok(Json(Page {
            items: items.collect(),
            next,
        }))
    })
    .await
}

/// One device.
#[utoipa::path(get, path = "/api/v1/devices/{device}", tag = "devices",
    params(("device" = String, Path, description = "Its name.",
        pattern = "^[a-z0-9][a-z0-9_.-]{0,62}$"), NoParams), responses(
    (status = 200, description = "The device.", body = model::Device),
    (status = 404, description = "There is none of this name.", body = Problem)))]
pub(crate) async fn show_device(
    State(app): State<App>,
    Path(name): Path<String>,
    _: Params<NoParams>,
) -> Result<Json<model::Device>, Problem> {
    let device = app
        .parts
        .registry
        .device(&name)
        .ok_or_else(|| Problem::unknown("device", "there is no device of this name"))?;
    Ok(Json(device_model(&app, &device)))
}

/// Registers a device, or changes what the body mentions of it; brings a retired one back.
///
/// What the body doesn't mention stays as it is, also of the datastreams that it names; `null`
/// takes away. `from` says since when it holds, for a move or another range that is told late.
#[utoipa::path(put, path = "/api/v1/devices/{device}", tag = "devices",
    params(("device" = String, Path, description = "Its name.",
        pattern = "^[a-z0-9][a-z0-9_.-]{0,62}$"), NoParams),
    request_body = DevicePut, responses(
    (status = 200, description = "Changed; on the disk.", body = model::Device),
    (status = 201, description = "Registered; on the disk.", body = model::Device),
    (status = 400, description = "Something in it can't be taken.", body = Problem),
    (status = 409, description = "Stored readings or a bound stand against it.", body = Problem)))]
pub(crate) async fn put_device(
    State(app): State<App>,
    Path(name): Path<String>,
    _: Params<NoParams>,
    JsonBody(put): JsonBody<DevicePut>,
) -> Result<Response, Problem> {
    let update = update(put)?;
    blocking(&app, move |app| {
        let has_readings = |series| {
            let mut latest = Vec::new();
            app.parts.view.latest(&[series], &mut latest);
            latest.iter().any(Option::is_some)
        };
        let now_us = app.now_us();
        let registry = &app.parts.registry;
        let applied = registry.put_device(&name, &update, now_us, &has_readings)?;
        let device = Json(device_model(app, &applied.device));
        Ok(if applied.created {
            let location = [(header::LOCATION, format!("/api/v1/devices/{name}"))];
            (StatusCode::CREATED, location, device).into_response()
        } else {
            device.into_response()
        })
    })
    .await
}

/// Retires a device: its history stays, its new readings become dead letters.
#[utoipa::path(delete, path = "/api/v1/devices/{device}", tag = "devices",
    params(("device" = String, Path, description = "Its name.",
        pattern = "^[a-z0-9][a-z0-9_.-]{0,62}$"), NoParams), responses(
    (status = 204, description = "Retired; on the disk."),
    (status = 404, description = "There is none of this name.", body = Problem)))]
pub(crate) async fn retire_device(
    State(app): State<App>,
    Path(name): Path<String>,
    _: Params<NoParams>,
) -> Result<StatusCode, Problem> {
    blocking(&app, move |app| {
        app.parts.registry.retire_device(&name, app.now_us())?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

fn find(
    app: &App,
    selection: &Selection,
    property: Option<&str>,
    after: Option<String>,
    limit: usize,
) -> Vec<Arc<Device>> {
    let mut found = Vec::new();
    let mut after = after;
    while found.len() < limit {
        let stride = app.parts.registry.devices(after.as_deref(), STRIDE);
        let Some(last) = stride.last() else { break };
        after = Some(last.name.to_string());
        let observes = |device: &Device| {
            property.is_none_or(|property| {
                device
                    .datastreams
                    .iter()
                    .any(|own| *own.property == *property)
            })
        };
        let asked = stride
            .into_iter()
            .filter(|device| selection.takes_device(device) && observes(device));
        found.extend(asked.take(limit - found.len()));
    }
    found
}

fn device_model(app: &App, device: &Device) -> model::Device {
    let activity = app.parts.view.activity(device.id);
    let status = activity
        .as_ref()
        .and_then(|activity| activity.status.as_deref());
    let placing = |placing: &nhip_registry::Placing| Placing {
        from: time::text(placing.from_us),
        place: placing.place.as_deref().map(str::to_owned),
        position: placing.position.map(Into::into),
    };
    model::Device {
        name: device.name.to_string(),
        title: device.title.as_deref().map(str::to_owned),
        place: device.place.as_deref().map(str::to_owned),
        position: device.position.map(Into::into),
        simulated: device.simulated,
        registered: time::text(device.registered_us),
        retired: device.retired_us.map(time::text),
        last_seen: activity
            .as_ref()
            .map(|activity| time::text(activity.last_seen_us)),
        status: status.map(str::to_owned),
        placed: time::text(device.placed_us),
        earlier: device.earlier.iter().map(placing).collect(),
        datastreams: device
            .datastreams
            .iter()
            .map(|own| datastream_model(own))
            .collect(),
    }
}

fn update(put: DevicePut) -> Result<DeviceUpdate, Problem> {
    let from_us = match &put.from {
        None => None,
        Some(from) => {
            let read = time::of(from);
            Some(read.ok_or_else(|| Problem::parameter("from", time::NEEDED))?)
        }
    };
    let names = |categories: Option<BTreeMap<i64, String>>| {
        let named = categories.into_iter().flatten();
        named.map(|(code, name)| (code, name.into())).collect()
    };
    let datastreams = put.datastreams.into_iter().map(|new| DatastreamUpdate {
        name: new.name,
        property: new.property,
        unit: new.unit,
        range: new.range.map(|range| range.map(Into::into)),
        categories: new.categories.map(names),
    });
    Ok(DeviceUpdate {
        from_us,
        title: put.title,
        place: put.place,
        position: put.position.map(|position| position.map(Into::into)),
        simulated: put.simulated,
        datastreams: datastreams.collect(),
    })
}
