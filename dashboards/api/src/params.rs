//! Query parameters: one table says what there is, what is documented and what is taken.

use crate::{problem::Problem, time as instant};
use axum::{extract::FromRequestParts, http::request::Parts as Head};
use nhip_registry::{BoundingBox, Near, Selection};
use std::marker::PhantomData;
use utoipa::openapi::{
    ObjectBuilder, Required,
    path::{Parameter, ParameterBuilder, ParameterIn},
    schema::Type,
};

/// A parameter that an endpoint takes.
pub(crate) struct Param {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) about: &'static str,
}

/// What a parameter's value looks like.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Text,
    /// A text without which there is no answer.
    Needed,
    Time,
    Number,
    Integer(u64, u64),
    Choice(&'static [&'static str]),
}

/// The parameters of one endpoint.
pub(crate) trait Table {
    const PARAMS: &'static [&'static [Param]];
}

const fn text(name: &'static str, about: &'static str) -> Param {
    Param {
        name,
        kind: Kind::Text,
        about,
    }
}

const fn needed(name: &'static str, about: &'static str) -> Param {
    Param {
        name,
        kind: Kind::Needed,
        about,
    }
}

const fn time(name: &'static str, about: &'static str) -> Param {
    Param {
        name,
        kind: Kind::Time,
        about,
    }
}

const fn choice(name: &'static str, of: &'static [&'static str], about: &'static str) -> Param {
    Param {
        name,
        kind: Kind::Choice(of),
        about,
    }
}

const fn integer(name: &'static str, min: u64, max: u64, about: &'static str) -> Param {
    Param {
        name,
        kind: Kind::Integer(min, max),
        about,
    }
}

const AREA: &[Param] = &[
    text(
        "place",
        "Only in the place of this name: `phuong-ben-thanh`.",
    ),
    text(
        "bbox",
        "Only in this box: `west,south,east,north` in degrees.",
    ),
    text(
        "near",
        "Only near this point: `longitude,latitude` or `longitude,latitude,radius_m`.",
    ),
    Param {
        name: "radius",
        kind: Kind::Number,
        about: "How near, metres (default 1,000).",
    },
    choice(
        "retired",
        &["true", "false"],
        "Also of retired devices (default false).",
    ),
];
const STREAM: &[Param] = &[
    text("device", "Only of the device of this name."),
    text("datastream", "Only datastreams of this name."),
    text(
        "property",
        "Only of this observed property: `pm2_5`, `water_level` …",
    ),
];
const PROPERTY: &[Param] = &[text("property", "Only with a datastream of this property.")];
const CURSOR: &[Param] = &[text("cursor", "`next` of the page before.")];
const LIMIT: &[Param] = &[integer(
    "limit",
    1,
    100_000,
    "How many at most (default 1,000).",
)];
const RANGE: &[Param] = &[
    time(
        "from",
        "From this instant on: RFC 3339, or integer milliseconds since 1970.",
    ),
    time(
        "to",
        "Before this instant: RFC 3339, or integer milliseconds since 1970.",
    ),
];

macro_rules! tables {
    ($($(#[$about:meta])* $name:ident: $($table:expr),*;)*) => {$(
        $(#[$about])*
        pub(crate) struct $name;
        impl Table for $name {
            const PARAMS: &'static [&'static [Param]] = &[$($table),*];
        }
        impl utoipa::IntoParams for $name {
            fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                Self::PARAMS.iter().flat_map(|table| table.iter()).map(document).collect()
            }
        }
    )*};
}

tables! {
    /// No parameter at all.
    NoParams: ;
    /// Of lists of devices.
    DevicesParams: AREA, PROPERTY, LIMIT, CURSOR;
    /// Of lists of datastreams, and of the newest readings.
    StreamsParams: STREAM, AREA, LIMIT, CURSOR;
    /// Of places.
    PlacesParams: LIMIT, CURSOR;
    /// Of stored readings.
    ReadingsParams: STREAM, AREA, RANGE, &[
        choice("order", &["asc", "desc"], "Oldest first (`asc`, the default) or newest first."),
        choice("format", &["json", "ndjson", "csv"], "Instead of the Accept header."),
        integer("limit", 1, 100_000,
            "How many at most: 1,000 in JSON unless told; ndjson and csv have no limit unless told."),
    ], CURSOR;
    /// Of one datastream's course.
    SeriesParams: &[
        needed("device", "The device of the datastream."),
        needed("datastream", "The datastream."),
    ], RANGE, &[integer("points", 1, 10_000, "At most so many buckets (default 500).")];
    /// Of live readings.
    LiveParams: STREAM, AREA, &[
        text("after", "Goes on behind this event id; the Last-Event-ID header does the same."),
    ];
    /// Of the figures.
    ReconciliationParams: &[
        text("device", "The figures of this device."),
        choice("by", &["device"], "A list of the figures of every device."),
    ], LIMIT, CURSOR;
    /// Of the end of a copy.
    StoreCopyParams: &[
        choice("from", &["embedded", "questdb"], "Only of a copy from this kind of store."),
        choice("to", &["embedded", "questdb"], "Only of a copy to this kind of store."),
    ];
    /// Of dead letters.
    DeadLettersParams: &[
        text("reason", "Only with this reason: `undecodable`, `out_of_range` …"),
        text("device", "Only of the device of this name."),
        choice("order", &["asc", "desc"], "Oldest first (`asc`, the default) or newest first."),
    ], RANGE, &[integer("limit", 1, 1_000, "How many at most (default 100).")], CURSOR;
}

/// Milliseconds, or RFC 3339 with an offset.
const TIME_PATTERN: &str = "^(-?[0-9]{1,18}|[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\
    T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9]))$";

fn document(param: &Param) -> Parameter {
    let object = ObjectBuilder::new();
    let schema = match param.kind {
        Kind::Text | Kind::Needed => object.schema_type(Type::String).min_length(Some(1)),
        Kind::Time => object.schema_type(Type::String).pattern(Some(TIME_PATTERN)),
        Kind::Number => object
            .schema_type(Type::Number)
            .exclusive_minimum(Some(0.0)),
        Kind::Integer(min, max) => object
            .schema_type(Type::Integer)
            .minimum(Some(min as f64))
            .maximum(Some(max as f64)),
        Kind::Choice(of) => object
            .schema_type(Type::String)
            .enum_values(Some(of.iter().copied())),
    };
    ParameterBuilder::new()
        .name(param.name)
        .parameter_in(ParameterIn::Query)
        .required(match param.kind {
            Kind::Needed => Required::True,
            _ => Required::False,
        })
        .description(Some(param.about))
        .schema(Some(schema))
        .build()
}

/// The parameters of a request. One that the endpoint doesn't know is refused, so that a slip
/// of the pen can't widen a query.
pub(crate) struct Params<T> {
    pairs: Vec<(String, String)>,
    table: PhantomData<fn() -> T>,
}

impl<T: Table> Params<T> {
    pub(crate) fn read(query: Option<&str>) -> Result<Self, Problem> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let Some(param) = T::PARAMS
                .iter()
                .flat_map(|table| table.iter())
                .find(|param| param.name == name)
            else {
                let known: Vec<&str> = T::PARAMS
                    .iter()
                    .flat_map(|table| table.iter())
                    .map(|param| param.name)
                    .collect();
                let known = if known.is_empty() {
                    "none".into()
                } else {
                    known.join(", ")
                };
                return Err(Problem::parameter(
                    &name,
                    format!("unknown parameter; known: {known}"),
                ));
            };
            if pairs.iter().any(|(other, _)| *other == name) {
                return Err(Problem::parameter(&name, "given more than once"));
            }
            check(param, &value)?;
            pairs.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self {
            pairs,
            table: PhantomData,
        })
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let pair = self.pairs.iter().find(|(own, _)| own == name);
        pair.map(|(_, value)| value.as_str())
    }

    pub(crate) fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    pub(crate) fn integer(&self, name: &str) -> Option<usize> {
        self.text(name).and_then(|value| value.parse().ok())
    }

    pub(crate) fn time_us(&self, name: &str) -> Result<Option<i64>, Problem> {
        let read =
            |value| instant::read(value).ok_or_else(|| Problem::parameter(name, instant::NEEDED));
        self.text(name).map(read).transpose()
    }

    /// `from` and `to`, which must not be before it.
    pub(crate) fn range_us(&self) -> Result<(Option<i64>, Option<i64>), Problem> {
        let (from, to) = (self.time_us("from")?, self.time_us("to")?);
        match (from, to) {
            (Some(from), Some(to)) if to < from => {
                Err(Problem::parameter("to", "`to` is before `from`"))
            }
            range => Ok(range),
        }
    }

    pub(crate) fn selection(&self) -> Result<Selection, Problem> {
        Ok(Selection {
            device: self.owned("device"),
            datastream: self.owned("datastream"),
            property: self.owned("property"),
            place: self.owned("place"),
            bbox: self.bbox()?,
            near: self.near()?,
            retired: self.text("retired") == Some("true"),
        })
    }

    fn bbox(&self) -> Result<Option<BoundingBox>, Problem> {
        let Some(value) = self.text("bbox") else {
            return Ok(None);
        };
        let [west, south, east, north] = numbers(value)[..] else {
            return Err(Problem::parameter(
                "bbox",
                "four numbers are needed: west,south,east,north",
            ));
        };
        Ok(Some(BoundingBox::new(west, south, east, north)?))
    }

    fn near(&self) -> Result<Option<Near>, Problem> {
        let radius_m: Option<f64> = self.text("radius").and_then(|value| value.parse().ok());
        let Some(value) = self.text("near") else {
            return match radius_m {
                Some(_) => Err(Problem::parameter("radius", "`radius` needs `near`")),
                None => Ok(None),
            };
        };
        let near = match (&numbers(value)[..], radius_m) {
            ([longitude, latitude, radius_m], None) => Near::new(*longitude, *latitude, *radius_m),
            ([longitude, latitude], radius_m) => {
                Near::new(*longitude, *latitude, radius_m.unwrap_or(1_000.0))
            }
            _ => {
                let detail = "longitude,latitude and a radius in metres, once, are needed";
                return Err(Problem::parameter("near", detail));
            }
        };
        Ok(Some(near?))
    }
}

fn numbers(text: &str) -> Vec<f64> {
    let numbers: Result<Vec<f64>, _> = text
        .split(',')
        .take(5)
        .map(|part| part.trim().parse())
        .collect();
    numbers.unwrap_or_default()
}

fn check(param: &Param, value: &str) -> Result<(), Problem> {
    let detail = match param.kind {
        Kind::Text | Kind::Needed | Kind::Time if value.is_empty() => {
            "a value is needed".to_owned()
        }
        Kind::Number
            if !value
                .parse::<f64>()
                .is_ok_and(|number| number > 0.0 && number.is_finite()) =>
        {
            "a number above 0 is needed".to_owned()
        }
        Kind::Integer(min, max)
            if !value
                .parse::<u64>()
                .is_ok_and(|number| (min..=max).contains(&number)) =>
        {
            format!("a whole number from {min} to {max} is needed")
        }
        Kind::Choice(of) if !of.contains(&value) => format!("one of {} is needed", of.join(", ")),
        _ => return Ok(()),
    };
    Err(Problem::parameter(param.name, detail))
}

impl<S: Sync, T: Table> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, _: &S) -> Result<Self, Problem> {
        Self::read(head.uri.query())
    }
}
