//! The OpenAPI document of the routes: made of the route table and the protocol's types, and held against every JSON
//! body that passes between these stories and the relay.

use protocol::account_data::AccountData;
use protocol::{Problem, accounts, audit, devices, factors, sessions};
use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use sotto::route::{Access, Route};

const WRITTEN: &str = include_str!("../../../docs/openapi.json");

/// A JSON body: its schema, and whether bytes are one, with nothing besides.
#[derive(Clone, Copy)]
struct Body {
    schema: fn(&mut SchemaGenerator) -> Schema,
    reads: fn(&[u8]) -> bool,
}

/// What a route takes or gives.
#[derive(Clone, Copy)]
enum Content {
    Nothing,
    Json(Body),
    Cbor,
    Bytes,
}

use Content::{Bytes, Cbor, Json, Nothing};

const fn body<T: JsonSchema + Serialize + DeserializeOwned>() -> Content {
    Json(Body { schema: |generator| generator.subschema_for::<T>(), reads: reads::<T> })
}

/// Bytes that read as a `T` and hold nothing that a `T` does not write.
fn reads<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> bool {
    let Ok(read) = serde_json::from_slice::<T>(bytes) else { return false };
    let (Ok(given), Ok(written)) = (serde_json::from_slice::<Value>(bytes), serde_json::to_value(&read))
    else {
        return false;
    };
    given == written
}

/// `{"status": "ok"}` of the probes.
#[derive(JsonSchema, serde::Serialize, serde::Deserialize)]
struct Status {
    status: String,
}

/// Every route: what it takes, what it gives, with which status.
fn contents(route: &str) -> Option<(Content, Content, u16)> {
    Some(match route {
        "GET /v1/health" | "GET /v1/ready" => (Nothing, body::<Status>(), 200),
        "GET /v1/relay" => (Nothing, body::<accounts::RelayInfo>(), 200),
        "GET /v1/accounts/available/{handle}" => (Nothing, body::<accounts::HandleAvailability>(), 200),
        "POST /v1/accounts/register/start" => {
            (body::<accounts::RegisterStart>(), body::<accounts::RegisterStarted>(), 200)
        }
        "POST /v1/accounts/register/finish" | "POST /v1/devices" => {
            (Cbor, body::<sessions::SessionTokens>(), 200)
        }
        "GET /v1/accounts/by-handle/{handle}" | "GET /v1/accounts/{account_id}" => {
            (Nothing, body::<accounts::DirectoryEntry>(), 200)
        }
        "POST /v1/sessions/login/start" => {
            (body::<sessions::LoginStart>(), body::<sessions::LoginStarted>(), 200)
        }
        "POST /v1/sessions/login/finish" => {
            (body::<sessions::LoginFinish>(), body::<factors::Opening>(), 200)
        }
        "POST /v1/sessions/recovery" => (body::<sessions::RecoveryLogin>(), body::<factors::Opening>(), 200),
        "POST /v1/sessions/enrolment" => {
            (body::<sessions::EnrolmentState>(), body::<sessions::OpenedAccount>(), 200)
        }
        "POST /v1/sessions/password/start" => {
            (body::<sessions::PasswordStart>(), body::<accounts::RegisterStarted>(), 200)
        }
        "POST /v1/sessions/device/challenge" => {
            (body::<sessions::DeviceChallenge>(), body::<sessions::DeviceNonce>(), 200)
        }
        "POST /v1/sessions/device" => {
            (body::<sessions::DeviceLogin>(), body::<sessions::SessionTokens>(), 200)
        }
        "POST /v1/sessions/refresh" => (body::<sessions::Refresh>(), body::<sessions::SessionTokens>(), 200),
        "GET /v1/sessions" => (Nothing, body::<sessions::OwnSessions>(), 200),
        "POST /v1/sessions/endings" => (body::<sessions::EndSessions>(), Nothing, 204),
        "GET /v1/accounts/me/data" => (Nothing, body::<AccountData>(), 200),
        "POST /v1/accounts/me/deletion" => (body::<accounts::DeleteAccount>(), Nothing, 204),
        "GET /v1/devices" => (Nothing, body::<devices::OwnDevices>(), 200),
        "GET /v1/audit" => (Nothing, body::<audit::AuditPage>(), 200),
        "DELETE /v1/sessions/current" | "DELETE /v1/blobs/{blob_id}" | "DELETE /v1/welcomes/{welcome_id}" => {
            (Nothing, Nothing, 204)
        }
        "POST /v1/devices/revocations" => (body::<devices::RevokeDevices>(), Nothing, 204),
        "POST /v1/groups/acknowledgements" => (Cbor, Nothing, 204),
        "PUT /v1/blobs/{blob_id}" => (Bytes, Nothing, 201),
        "GET /v1/blobs/{blob_id}" => (Nothing, Bytes, 200),
        "GET /v1/socket" => (Nothing, Nothing, 101),
        _ => return sealed_contents(route),
    })
}

/// Routes whose bodies hold ciphertext.
fn sealed_contents(route: &str) -> Option<(Content, Content, u16)> {
    Some(match route {
        "GET /v1/key-packages/count"
        | "GET /v1/records"
        | "GET /v1/records/{collection}/{record_id}"
        | "DELETE /v1/records/{collection}/{record_id}"
        | "GET /v1/groups"
        | "GET /v1/groups/{group_id}/entries"
        | "GET /v1/groups/{group_id}/info"
        | "GET /v1/welcomes" => (Nothing, Cbor, 200),
        "POST /v1/key-packages"
        | "POST /v1/key-packages/claim"
        | "PUT /v1/records"
        | "POST /v1/devices/removals"
        | "PUT /v1/records/{collection}/{record_id}"
        | "POST /v1/groups"
        | "POST /v1/groups/{group_id}/commits"
        | "POST /v1/groups/{group_id}/messages" => (Cbor, Cbor, 200),
        _ => return factor_contents(route),
    })
}

/// The same of second factors.
fn factor_contents(route: &str) -> Option<(Content, Content, u16)> {
    Some(match route {
        "POST /v1/sessions/factor" => (body::<factors::ShowFactor>(), body::<sessions::OpenedAccount>(), 200),
        "GET /v1/factors" => (Nothing, body::<factors::OwnFactors>(), 200),
        "POST /v1/factors/totp/start" => (body::<factors::FreshProof>(), body::<factors::TotpStarted>(), 200),
        "POST /v1/factors/email/start" => {
            (body::<factors::StartEmail>(), body::<factors::EmailStarted>(), 200)
        }
        "POST /v1/factors/totp" | "POST /v1/factors/email" => {
            (body::<factors::ConfirmFactor>(), body::<factors::RecoveryCodes>(), 200)
        }
        "POST /v1/factors/totp/removal" | "POST /v1/factors/email/removal" => {
            (body::<factors::FreshProof>(), Nothing, 204)
        }
        "POST /v1/sessions/factor/email" => (body::<factors::SendEmailCode>(), Nothing, 204),
        "POST /v1/factors/recovery-codes" => {
            (body::<factors::FreshProof>(), body::<factors::RecoveryCodes>(), 200)
        }
        _ => return None,
    })
}

fn named(route: &Route) -> String {
    format!("{} {}", route.method, route.path)
}

fn of(route: &Route) -> (Content, Content, u16) {
    contents(&named(route))
        .unwrap_or_else(|| panic!("{} is new: say in openapi.rs what it takes and gives", named(route)))
}

/// Fails for a JSON body that is not what the document says. Called for every call of every story.
pub(crate) fn check(method: &str, path: &str, request: &[u8], answer: &[u8]) {
    let path = path.split('?').next().unwrap_or_default();
    let matches = |route: &&Route| {
        let (template, parts) = (route.path.split('/'), path.split('/'));
        route.method.as_str() == method
            && template.clone().count() == parts.clone().count()
            && template.zip(parts).all(|(name, part)| name.starts_with('{') || name == part)
    };
    let routes = sotto::routes();
    // A literal segment goes before a variable one, as in the router.
    let best = routes.iter().filter(matches).min_by_key(|route| route.path.matches('{').count());
    let Some(route) = best else { return };
    let (takes, gives, _) = of(route);
    for (content, bytes) in [(takes, request), (gives, answer)] {
        if let Json(body) = content {
            let text = String::from_utf8_lossy(bytes);
            assert!((body.reads)(bytes), "{}: not what docs/openapi.json says: {text}", named(route));
        }
    }
}

/// The section of API.md about a route.
fn section(route: &Route) -> String {
    let api = include_str!("../../../API.md");
    let title = format!("### `{}`\n", named(route));
    let text = api.split(&title).nth(1).unwrap_or_default();
    let end = text.find("\n#").unwrap_or(text.len());
    text[..end].trim().to_owned()
}

fn media(content: Content, generator: &mut SchemaGenerator) -> Option<Value> {
    Some(match content {
        Nothing => return None,
        Json(body) => json!({ "application/json": { "schema": (body.schema)(generator) } }),
        Cbor => json!({ "application/cbor": {} }),
        Bytes => json!({ "application/octet-stream": {} }),
    })
}

fn operation(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let (takes, gives, status) = of(route);
    let mut answer = json!({ "description": "It is done." });
    if let Some(content) = media(gives, generator) {
        answer["content"] = content;
    }
    let problem = json!({ "$ref": "#/components/responses/Problem" });
    let mut operation = json!({
        "operationId": named(route),
        "description": section(route),
        "tags": [route.path.split('/').nth(2)],
        "responses": { status.to_string(): answer, "default": problem },
        "security": if route.access == Access::Open { json!([]) } else { json!([{ "access_token": [] }]) },
    });
    let variables = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parameters: Vec<Value> = variables
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(content) = media(takes, generator) {
        operation["requestBody"] = json!({ "required": true, "content": content });
    }
    operation
}

fn document() -> Value {
    let settings = SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into());
    let mut generator = settings.into_generator();
    let mut paths: Map<String, Value> = Map::new();
    for route in sotto::routes() {
        let method = route.method.as_str().to_lowercase();
        let operations = paths.entry(route.path.to_owned()).or_insert_with(|| json!({}));
        operations[method] = operation(&route, &mut generator);
    }
    let problem = generator.subschema_for::<Problem>();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Sotto relay",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "JSON bodies as the relay reads and writes them. Bodies of `application/cbor` are described by \
                CDDL in API.md, which is the whole contract.",
            "license": { "name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "responses": { "Problem": {
                "description": "A refusal (RFC 9457).",
                "content": { "application/problem+json": { "schema": problem } },
            } },
            "securitySchemes": { "access_token": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } },
        },
    })
}

#[test]
fn the_written_document_is_the_one_that_the_routes_and_types_make() {
    let made = format!("{}\n", serde_json::to_string_pretty(&document()).unwrap());

    let place = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("openapi.json");
    std::fs::write(&place, &made).unwrap();
    assert!(made == WRITTEN, "docs/openapi.json is not up to date: copy {} there", place.display());
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);

    assert!(found.len() > 20);
    for reference in found {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

#[test]
fn a_body_with_something_missing_or_besides_is_not_what_the_document_says() {
    let reads = reads::<accounts::HandleAvailability>;

    assert!(reads(br#"{"available":true}"#));
    assert!(!reads(br#"{}"#));
    assert!(!reads(br#"{"available":true,"more":1}"#));
}
