//! Access tokens: JWT, HS256, ten minutes. The signing key changes daily and is named by `kid`; whether the session
//! lives is asked of the table of live sessions on every request.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use protocol::{
    AccountId, DeviceId, RelayId, SessionId, UnixMillis, limits::ACCESS_TOKEN_CHARS_MAX,
    limits::ACCESS_TOKEN_SECONDS, sessions::AccessToken,
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::secrets::{self, Purpose, Secrets, tag};

/// One signing key is used for so long, seconds.
const KEY_SECONDS: u64 = 86_400;

/// Why a token was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessTokenError {
    #[error("not a token of this relay")]
    Invalid,
    #[error("the token is over")]
    Expired,
    #[error("a token could not be made")]
    NotMade,
}

/// What a token says. All fields are required, none other is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// The account.
    pub sub: AccountId,
    pub device: DeviceId,
    /// The session.
    pub sid: SessionId,
    /// 16 random bytes: no two tokens are alike.
    pub jti: String,
    /// Issued at, seconds since 1970.
    pub iat: u64,
    /// Over at, seconds since 1970.
    pub exp: u64,
    /// The relay's id.
    pub aud: String,
}

impl Claims {
    /// When the token ends.
    pub const fn expires_at(&self) -> UnixMillis {
        UnixMillis(self.exp.saturating_mul(1000))
    }
}

/// Makes and reads access tokens.
pub struct AccessTokens {
    root: hmac::Key,
    audience: String,
    seconds: u64,
}

impl AccessTokens {
    pub fn new(secrets: &Secrets, relay: RelayId) -> Self {
        Self {
            root: secrets.hmac_key(Purpose::AccessTokens),
            audience: relay.to_string(),
            seconds: ACCESS_TOKEN_SECONDS,
        }
    }

    /// A fresh token for a live session, and when it ends.
    pub fn issue(
        &self,
        account: AccountId,
        device: DeviceId,
        session: SessionId,
        now: UnixMillis,
    ) -> Result<(AccessToken, UnixMillis), AccessTokenError> {
        let iat = now.0 / 1000;
        let jti: [u8; 16] = secrets::random().map_err(|_| AccessTokenError::NotMade)?;
        let claims = Claims {
            sub: account,
            device,
            sid: session,
            jti: URL_SAFE_NO_PAD.encode(jti),
            iat,
            exp: iat + self.seconds,
            aud: self.audience.clone(),
        };
        let number = iat / KEY_SECONDS;
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(number.to_string());
        let key = EncodingKey::from_secret(self.key(number).as_slice());
        let token = jsonwebtoken::encode(&header, &claims, &key).map_err(|_| AccessTokenError::NotMade)?;
        Ok((AccessToken(token), claims.expires_at()))
    }

    /// Reads a token of this relay that is not over.
    pub fn verify(&self, token: &str, now: UnixMillis) -> Result<Claims, AccessTokenError> {
        let now = now.0 / 1000;
        if token.len() > ACCESS_TOKEN_CHARS_MAX {
            return Err(AccessTokenError::Invalid);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| AccessTokenError::Invalid)?;
        let number = header.kid.and_then(|kid| kid.parse::<u64>().ok()).ok_or(AccessTokenError::Invalid)?;
        let today = now / KEY_SECONDS;
        if number > today || number.saturating_add(1) < today {
            return Err(AccessTokenError::Invalid);
        }
        let key = DecodingKey::from_secret(self.key(number).as_slice());
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &self.validation())
            .map_err(|_| AccessTokenError::Invalid)?
            .claims;
        if claims.exp != claims.iat.saturating_add(self.seconds) || claims.iat / KEY_SECONDS != number {
            return Err(AccessTokenError::Invalid);
        }
        if claims.exp <= now { Err(AccessTokenError::Expired) } else { Ok(claims) }
    }

    /// The library checks signature, algorithm and audience; time is checked against our own clock.
    fn validation(&self) -> Validation {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_required_spec_claims(&["exp", "aud", "sub"]);
        validation.set_audience(&[&self.audience]);
        validation.validate_exp = false;
        validation
    }

    fn key(&self, number: u64) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(tag(&self.root, &[&number.to_be_bytes()]))
    }
}

#[cfg(test)]
mod tests {
    use super::{AccessTokenError, AccessTokens, Claims};
    use crate::secrets::Secrets;
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use jsonwebtoken::{Algorithm, EncodingKey, Header};
    use protocol::{AccountId, DeviceId, SessionId, UnixMillis};

    const NOW: UnixMillis = UnixMillis(1_790_000_000_000);

    fn relay() -> (AccessTokens, Secrets) {
        let dir = tempfile::tempdir().unwrap();
        let secrets = Secrets::open(dir.path()).unwrap();
        (AccessTokens::new(&secrets, secrets.relay_id()), secrets)
    }

    fn issue(tokens: &AccessTokens) -> String {
        let ids =
            (AccountId::from_bytes([1; 16]), DeviceId::from_bytes([2; 16]), SessionId::from_bytes([3; 16]));
        tokens.issue(ids.0, ids.1, ids.2, NOW).unwrap().0.0
    }

    /// Signs arbitrary claims with the relay's own key of the day.
    fn forge(tokens: &AccessTokens, header: &Header, claims: &serde_json::Value) -> String {
        let key = tokens.key(NOW.0 / 1000 / super::KEY_SECONDS);
        jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(key.as_slice())).unwrap()
    }

    fn good_header() -> Header {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some((NOW.0 / 1000 / super::KEY_SECONDS).to_string());
        header
    }

    fn good_claims(tokens: &AccessTokens) -> serde_json::Value {
        serde_json::to_value(tokens.verify(&issue(tokens), NOW).unwrap()).unwrap()
    }

    #[test]
    fn a_token_reads_back_until_it_is_over() {
        let (tokens, _) = relay();
        let token = issue(&tokens);

        let claims = tokens.verify(&token, NOW.plus_seconds(599)).unwrap();

        assert_eq!(claims.sid, SessionId::from_bytes([3; 16]));
        assert_eq!(tokens.verify(&token, NOW.plus_seconds(600)), Err(AccessTokenError::Expired));
        assert_eq!(tokens.verify(&token, NOW.plus_seconds(3 * 86_400)), Err(AccessTokenError::Invalid));
    }

    #[test]
    fn a_token_outlives_the_change_of_the_signing_key() {
        let (tokens, _) = relay();
        let midnight = UnixMillis(20_000 * 86_400_000);
        let id = [7; 16];
        let just_before = UnixMillis(midnight.0 - 1000);
        let (token, _) = tokens
            .issue(
                AccountId::from_bytes(id),
                DeviceId::from_bytes(id),
                SessionId::from_bytes(id),
                just_before,
            )
            .unwrap();

        assert!(tokens.verify(&token.0, midnight.plus_seconds(60)).is_ok());
    }

    #[test]
    fn another_relays_token_is_refused() {
        let [(one, _), (other, _)] = [relay(), relay()];

        assert_eq!(other.verify(&issue(&one), NOW), Err(AccessTokenError::Invalid));
    }

    #[test]
    fn each_changed_byte_is_refused() {
        let (tokens, _) = relay();
        let token = issue(&tokens);

        for place in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(tokens.verify(&changed, NOW).is_err(), "byte {place}");
            assert!(tokens.verify(&token[..place], NOW).is_err(), "{place} bytes");
        }
    }

    #[test]
    fn a_token_without_signature_or_of_another_algorithm_is_refused() {
        let (tokens, _) = relay();
        let claims = good_claims(&tokens);
        let body = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims).unwrap());
        let kid = good_header().kid.unwrap();
        for algorithm in ["none", "None", "HS384", "RS256"] {
            let head =
                URL_SAFE_NO_PAD.encode(format!(r#"{{"typ":"JWT","alg":"{algorithm}","kid":"{kid}"}}"#));
            for signature in ["", "AAAA"] {
                let token = format!("{head}.{body}.{signature}");
                assert_eq!(tokens.verify(&token, NOW), Err(AccessTokenError::Invalid), "{algorithm}");
            }
        }
        let mut other = good_header();
        other.alg = Algorithm::HS512;
        assert_eq!(tokens.verify(&forge(&tokens, &other, &claims), NOW), Err(AccessTokenError::Invalid));
    }

    #[test]
    fn every_claim_is_required_and_of_its_type() {
        let (tokens, _) = relay();
        let good = good_claims(&tokens);
        assert!(tokens.verify(&forge(&tokens, &good_header(), &good), NOW).is_ok());

        for name in ["sub", "device", "sid", "jti", "iat", "exp", "aud"] {
            let mut without = good.clone();
            without.as_object_mut().unwrap().remove(name);
            assert!(tokens.verify(&forge(&tokens, &good_header(), &without), NOW).is_err(), "without {name}");
            for wrong in
                [serde_json::json!(null), serde_json::json!([good[name]]), serde_json::json!({"a": 1})]
            {
                let mut changed = good.clone();
                changed[name] = wrong;
                assert!(tokens.verify(&forge(&tokens, &good_header(), &changed), NOW).is_err(), "{name}");
            }
        }
        let mut more = good;
        more["admin"] = serde_json::json!(true);
        assert!(tokens.verify(&forge(&tokens, &good_header(), &more), NOW).is_err());
    }

    #[test]
    fn a_longer_life_than_ten_minutes_is_refused() {
        let (tokens, _) = relay();
        let mut claims: Claims = serde_json::from_value(good_claims(&tokens)).unwrap();
        claims.exp += 1;

        let token = forge(&tokens, &good_header(), &serde_json::to_value(claims).unwrap());

        assert_eq!(tokens.verify(&token, NOW), Err(AccessTokenError::Invalid));
    }

    #[test]
    fn an_unknown_key_id_is_refused() {
        let (tokens, _) = relay();
        let claims = good_claims(&tokens);
        for kid in
            [None, Some(String::new()), Some("../etc".into()), Some(u64::MAX.to_string()), Some("0".into())]
        {
            let mut header = good_header();
            header.kid = kid;
            assert!(tokens.verify(&forge(&tokens, &header, &claims), NOW).is_err());
        }
    }
}
