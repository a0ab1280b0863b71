//! The errors that every operation may answer with, and under which type they all go out.

use utoipa::openapi::{
    OpenApi, Ref, RefOr,
    content::Content,
    path::{HttpMethod, Operation, Paths},
    response::{Response, ResponseBuilder},
    schema::Components,
};

/// RFC 9457, section 3.
const PROBLEM_TYPE: &str = "application/problem+json";

const JSON: &str = "application/json";

/// Errors that are the same wherever they come from: name, status, what it means.
const COMMON: [(&str, &str, &str); 7] = [
    (
        "BadRequest",
        "400",
        "A parameter or a member of the body can't be taken; `parameter` names it.",
    ),
    (
        "Forbidden",
        "403",
        "A page of another origin, whose host name is not in the setting `http.hosts`, asks for \
         what only a page of this one may do.",
    ),
    (
        "RequestTimeout",
        "408",
        "The body did not arrive in time (30 s).",
    ),
    (
        "PayloadTooLarge",
        "413",
        "The body is larger than may be (1 MiB).",
    ),
    (
        "UnsupportedMediaType",
        "415",
        "The body is not said to be `application/json`.",
    ),
    (
        "Misdirected",
        "421",
        "The name in the Host header is not in the setting `http.hosts`.",
    ),
    (
        "Problem",
        "default",
        "Any other error: 405 with the header Allow for a method that is not taken here, 500, \
         503 while the platform starts.",
    ),
];

/// Declares what guards every operation, and gives all problems their media type.
pub(super) fn declare(document: &mut OpenApi) {
    let components = document.components.get_or_insert_with(Components::new);
    for (name, _, meaning) in COMMON {
        let response = ResponseBuilder::new()
            .description(meaning)
            .content(
                PROBLEM_TYPE,
                Content::new(Some(Ref::from_schema_name("Problem"))),
            )
            .build();
        components
            .responses
            .insert(name.to_owned(), response.into());
    }
    for (path, method, operation) in operations(&mut document.paths) {
        for response in operation.responses.responses.values_mut() {
            if let RefOr::T(response) = response {
                give_type(response);
            }
        }
        let writes = method != HttpMethod::Get;
        let has_body = operation.request_body.is_some();
        let takes_something = has_body
            || operation
                .parameters
                .as_ref()
                .is_some_and(|own| !own.is_empty());
        // What knows no parameter refuses any, but outside the API nothing is looked at.
        let is_api = path.starts_with("/api/");
        for (name, status, _) in COMMON {
            let may_be = match status {
                "400" => takes_something || is_api,
                "403" => writes || path.ends_with("/ws"),
                "408" | "413" | "415" => has_body,
                _ => true,
            };
            if may_be {
                let common = RefOr::Ref(Ref::from_response_name(name));
                let responses = &mut operation.responses.responses;
                responses.entry(status.to_owned()).or_insert(common);
            }
        }
    }
}

/// Problems are served as what they are, not as any JSON.
fn give_type(response: &mut Response) {
    if !response.content.get(JSON).is_some_and(is_problem) {
        return;
    }
    if let Some(content) = response.content.shift_remove(JSON) {
        response.content.insert(PROBLEM_TYPE.to_owned(), content);
    }
}

fn is_problem(content: &RefOr<Content>) -> bool {
    let RefOr::T(content) = content else {
        return false;
    };
    matches!(&content.schema, Some(RefOr::Ref(to)) if to.ref_location.ends_with("/Problem"))
}

fn operations(paths: &mut Paths) -> Vec<(String, HttpMethod, &mut Operation)> {
    let mut found = Vec::new();
    for (path, item) in &mut paths.paths {
        let operations = [
            (HttpMethod::Get, &mut item.get),
            (HttpMethod::Put, &mut item.put),
            (HttpMethod::Post, &mut item.post),
            (HttpMethod::Delete, &mut item.delete),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                found.push((path.clone(), method, operation));
            }
        }
    }
    found
}
