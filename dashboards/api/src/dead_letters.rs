//! Dead letters: browsing and replaying.

use crate::{
    body::blocking,
    cursor,
    json_body::JsonBody,
    model::{self, Moment, Page, ReplayOutcome, ReplayRequest},
    params::{DeadLettersParams, NoParams, Params},
    parts::App,
    problem::Problem,
    time,
};
use axum::{Json, extract::State};
use base64::{Engine, engine::general_purpose::STANDARD};
use nhip_ingest::{DeadLetter, DeadLetterQuery};

/// How many are listed unless told.
const LIMIT: usize = 100;

/// How many are replayed at once unless told, and at most.
const REPLAY: usize = 1_000;
const REPLAY_MAX: usize = 100_000;

/// Dead letters with their payload as it came, oldest first unless told.
#[utoipa::path(get, path = "/api/v1/dead-letters", tag = "dead letters",
    params(DeadLettersParams), responses(
    (status = 200, description = "One page.", body = Page<model::DeadLetter>),
    (status = 400, description = "A parameter can't be taken.", body = Problem)))]
pub(crate) async fn list_dead_letters(
    State(app): State<App>,
    params: Params<DeadLettersParams>,
) -> Result<Json<Page<model::DeadLetter>>, Problem> {
    let (from_us, to_us) = params.range_us()?;
    let limit = params.integer("limit").unwrap_or(LIMIT);
    let query = DeadLetterQuery {
        reason: params.owned("reason"),
        device: params.owned("device"),
        from_us,
        to_us,
        after: params
            .text("cursor")
            .map(|text| cursor::open_number("dead-letters", text))
            .transpose()?,
        newest_first: params.text("order") == Some("desc"),
        limit: limit + 1,
        ..DeadLetterQuery::default()
    };
    blocking(&app, move |app| {
        let mut letters = app.parts.view.dead_letters(&query)?;
        let more = letters.len() > limit;
        letters.truncate(limit);
        let last = letters.last().filter(|_| more);
        let next =
            last.map(|last| cursor::seal("dead-letters", last.offset.to_string().as_bytes()));
        let items = letters.into_iter().map(dead_letter_model).collect();
        Ok(Json(Page { items, next }))
    })
    .await
}

/// Sends dead letters through the fold again, after what was wrong has been mended.
#[utoipa::path(post, path = "/api/v1/dead-letters/replay", tag = "dead letters",
    params(NoParams), request_body = ReplayRequest, responses(
    (status = 200, description = "They are durable in the log.", body = ReplayOutcome),
    (status = 400, description = "Something in it can't be taken.", body = Problem),
    (status = 503, description = "The log takes nothing now.", body = Problem)))]
pub(crate) async fn replay_dead_letters(
    State(app): State<App>,
    _: Params<NoParams>,
    JsonBody(request): JsonBody<ReplayRequest>,
) -> Result<Json<ReplayOutcome>, Problem> {
    let query = replay_query(request)?;
    blocking(&app, move |app| {
        let outcome = app.parts.view.replay(&query)?;
        tracing::info!(
            replayed = outcome.replayed,
            "an operator replayed dead letters"
        );
        Ok(Json(ReplayOutcome {
            replayed: outcome.replayed,
            until_offset: outcome.until_offset,
        }))
    })
    .await
}

fn replay_query(request: ReplayRequest) -> Result<DeadLetterQuery, Problem> {
    let named = !request.ids.is_empty()
        || request.reason.is_some()
        || request.device.is_some()
        || request.from.is_some()
        || request.to.is_some();
    if !named {
        return Err(Problem::parameter(
            "ids",
            "say which: ids, reason, device, from or to",
        ));
    }
    if request.ids.len() > REPLAY_MAX {
        return Err(Problem::parameter("ids", format!("at most {REPLAY_MAX}")));
    }
    let limit = request
        .limit
        .map_or(REPLAY.max(request.ids.len()), |limit| limit as usize);
    if !(1..=REPLAY_MAX).contains(&limit) {
        return Err(Problem::parameter(
            "limit",
            format!("a whole number from 1 to {REPLAY_MAX}"),
        ));
    }
    let moment = |name: &str, moment: Option<Moment>| {
        let read = |moment: Moment| {
            time::of(&moment).ok_or_else(|| Problem::parameter(name, time::NEEDED))
        };
        moment.map(read).transpose()
    };
    let (from_us, to_us) = (moment("from", request.from)?, moment("to", request.to)?);
    if matches!((from_us, to_us), (Some(from), Some(to)) if to < from) {
        return Err(Problem::parameter("to", "`to` is before `from`"));
    }
    Ok(DeadLetterQuery {
        offsets: request.ids,
        reason: request.reason,
        device: request.device,
        from_us,
        to_us,
        limit,
        ..DeadLetterQuery::default()
    })
}

fn dead_letter_model(letter: DeadLetter) -> model::DeadLetter {
    model::DeadLetter {
        id: letter.offset,
        received: time::text(letter.received_us),
        device: letter.device.as_deref().map(str::to_owned),
        topic: letter.topic.to_string(),
        reason: letter
            .reasons
            .first()
            .map(|first| first.to_string())
            .unwrap_or_default(),
        reasons: letter
            .reasons
            .iter()
            .map(|reason| reason.to_string())
            .collect(),
        detail: letter.detail.to_string(),
        readings: letter.readings,
        payload_base64: STANDARD.encode(&letter.payload),
        payload: String::from_utf8(letter.payload).ok(),
        replayed: letter.replayed_us.map(time::text),
    }
}
