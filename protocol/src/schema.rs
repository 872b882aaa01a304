//! JSON Schemas of the hand-written JSON values, for the OpenAPI document. Only with the feature `schema`, which tests
//! switch on.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{
    AccountId, BlobId, ClaimId, DeviceId, ErrorCode, GroupId, Handle, IdempotencyId, MessageId, RecordId,
    RelayId, SessionId, UnixMillis, WelcomeId,
    factors::{EmailAddress, FactorCode},
    limits::{
        ACCESS_TOKEN_CHARS_MAX, EMAIL_ADDRESS_CHARS_MAX, FACTOR_CODE_CHARS_MAX, HANDLE_CHARS_MAX,
        HANDLE_CHARS_MIN,
    },
    sessions::AccessToken,
    values::{Bytes, Exactly, List},
};

/// Characters of so many bytes in base64url without padding.
const fn base64url(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}

macro_rules! ids {
    ($($id:ident)*) => {$(
        impl JsonSchema for $id {
            fn schema_name() -> Cow<'static, str> {
                stringify!($id).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{22}$", "description": "16 bytes, base64url." })
            }
        }
    )*};
}

ids! { AccountId BlobId ClaimId DeviceId GroupId IdempotencyId MessageId RecordId RelayId SessionId WelcomeId }

impl<const MAX: usize> JsonSchema for Bytes<MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Bytes{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "contentEncoding": "base64url", "maxLength": base64url(MAX) })
    }
}

impl<const N: usize> JsonSchema for Exactly<N> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Exactly{N}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let length = base64url(N);
        json_schema!({ "type": "string", "contentEncoding": "base64url", "minLength": length, "maxLength": length })
    }
}

impl<T: JsonSchema, const MAX: usize> JsonSchema for List<T, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("ListOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": generator.subschema_for::<T>(), "maxItems": MAX })
    }
}

impl JsonSchema for UnixMillis {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "UnixMillis".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 0, "description": "Milliseconds since 1970-01-01 UTC." })
    }
}

impl JsonSchema for Handle {
    fn schema_name() -> Cow<'static, str> {
        "Handle".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[A-Za-z][A-Za-z0-9._-]*$",
            "minLength": HANDLE_CHARS_MIN,
            "maxLength": HANDLE_CHARS_MAX,
        })
    }
}

impl JsonSchema for EmailAddress {
    fn schema_name() -> Cow<'static, str> {
        "EmailAddress".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "email", "maxLength": EMAIL_ADDRESS_CHARS_MAX })
    }
}

impl JsonSchema for FactorCode {
    fn schema_name() -> Cow<'static, str> {
        "FactorCode".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[A-Za-z0-9 -]+$",
            "maxLength": 2 * FACTOR_CODE_CHARS_MAX,
            "description": "Letters and digits; case, spaces and hyphens don't count.",
        })
    }
}

impl JsonSchema for AccessToken {
    fn schema_name() -> Cow<'static, str> {
        "AccessToken".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": ACCESS_TOKEN_CHARS_MAX, "description": "A JWT." })
    }
}

impl JsonSchema for ErrorCode {
    fn schema_name() -> Cow<'static, str> {
        "ErrorCode".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let codes: Vec<&str> = Self::TABLE.iter().map(|row| row.1).collect();
        json_schema!({ "type": "string", "enum": codes })
    }
}
