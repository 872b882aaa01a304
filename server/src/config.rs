//! Every option of the relay. Later ones win: defaults, the configuration file (TOML), the environment.
//! Only this file reads the environment.

use protocol::invites::RegistrationMode;
use protocol::limits;
use serde::Deserialize;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use crate::edge::proxies::TrustedProxies;
use crate::storage::connection::DatabaseAddress;

mod mail;

use mail::MailFile;
pub use mail::{MailConfig, SmtpUrl};

/// A value the relay can't start with: which option, and the sentence that helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    option: String,
    sentence: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.option, self.sentence)
    }
}

impl std::error::Error for ConfigError {}

/// All options, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address and port to listen on. Default `127.0.0.1:8080`.
    pub listen: SocketAddr,
    /// Where database, secrets and blobs live; made at the first start. Default `./data`.
    pub data_dir: PathBuf,
    /// Default: `sotto.sqlite` in the data directory. `postgres://…` for several relays.
    pub database: DatabaseAddress,
    /// How browsers reach this relay: the only Origin that is taken. Default `http://localhost:<port>`.
    pub public_url: PublicUrl,
    /// What is logged, as `tracing` directives. Default `info`.
    pub log: String,
    /// Who may register: `open`, `invite` (whoever has an invitation of `sotto admin invite`) or `closed`. Default
    /// `open`; a relay that strangers reach should ask for invitations.
    pub registration: RegistrationMode,
    /// Entries are kept at most so long, seconds (D-11). Default 30 days.
    pub message_ttl_seconds: u64,
    /// Proxies whose `X-Forwarded-For` is believed. Default none: the connection's address counts.
    pub trusted_proxies: TrustedProxies,
    pub mail: MailConfig,
    pub timers: Timers,
    pub limits: Limits,
}

/// Every wait of the relay, milliseconds.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timers {
    /// For a whole request header to arrive, and for the next request of an open connection. Default 10 s.
    pub header_ms: u64,
    /// Between two pieces of a body, and for a peer to take what is sent. Default 30 s.
    pub idle_ms: u64,
    /// For a socket to authenticate (S-1). Default 5 s.
    pub authenticate_ms: u64,
    /// Between pings (S-4), jittered by a fifth. Default 25 s.
    pub ping_ms: u64,
    /// For a sign of life after a ping. Default 10 s.
    pub dead_ms: u64,
    /// A socket that stays behind for so long is closed (S-3). Default 10 s.
    pub behind_ms: u64,
    /// The previous epoch's messages are taken for so long (D-6). Default 10 s.
    pub epoch_grace_ms: u64,
    /// From the signal to the end (S-7). Default 8 s.
    pub drain_ms: u64,
    /// Acknowledgements are gathered for so long before they are written. Default 1 s.
    pub acknowledge_ms: u64,
    /// Between two sweeps of what is over (D-11). Default 1 min.
    pub sweep_ms: u64,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            header_ms: 10_000,
            idle_ms: 30_000,
            authenticate_ms: limits::AUTHENTICATE_MS,
            ping_ms: limits::HEARTBEAT_MS,
            dead_ms: limits::HEARTBEAT_DEAD_MS,
            behind_ms: 10_000,
            epoch_grace_ms: limits::EPOCH_GRACE_MS,
            drain_ms: 8_000,
            acknowledge_ms: 1_000,
            sweep_ms: 60_000,
        }
    }
}

/// How much the relay takes from one place. Load and browser runs lift these; their own tests don't.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Open connections in all. Default 20,000.
    pub connections_max: usize,
    /// Open connections of one address (IPv6: one /64). Default 256.
    pub connections_per_address_max: usize,
    /// Sockets that have not authenticated yet, in all (S-1). Default 200.
    pub unauthenticated_sockets_max: usize,
    /// Sockets of one address that have not authenticated yet (S-1). Default 20.
    pub unauthenticated_sockets_per_address_max: usize,
    /// Log-in starts and recovery tries for one handle in an hour (O-1). Default 10.
    pub guesses_per_hour: usize,
    /// The same in a day. Default 50.
    pub guesses_per_day: usize,
    /// Claims of one account's key packages by one other account in an hour (D-12). Default 20.
    pub claims_per_pair_per_hour: u64,
    /// Claims of key packages by one account in a day (D-12). Default 500.
    pub claims_per_account_per_day: u64,
    /// Bytes of one blob. Default 100 MiB; more is refused at start.
    pub blob_bytes_max: u64,
    /// Records of one account, deleted ones included: they leave a tombstone. Default 100,000.
    pub records_per_account_max: u64,
    /// Bytes of one account's records. Default 256 MiB.
    pub record_bytes_per_account_max: u64,
    pub rates: Rates,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 20_000,
            connections_per_address_max: 256,
            unauthenticated_sockets_max: 200,
            unauthenticated_sockets_per_address_max: 20,
            guesses_per_hour: 10,
            guesses_per_day: 50,
            claims_per_pair_per_hour: 20,
            claims_per_account_per_day: 500,
            blob_bytes_max: limits::BLOB_BYTES_MAX,
            records_per_account_max: 100_000,
            record_bytes_per_account_max: 256 * 1024 * 1024,
            rates: Rates::default(),
        }
    }
}

/// Requests per class of route, by address and by account.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rates {
    /// Every request of one address.
    pub any_address: Rate,
    /// Log-in starts and finishes of one address (O-1).
    pub login_address: Rate,
    /// Registrations of one address.
    pub registration_address: Rate,
    /// Refreshes, challenges and other open routes of one address.
    pub open_address: Rate,
    /// Reading requests of one account.
    pub read_account: Rate,
    /// Writing requests of one account, messages over the socket included.
    pub write_account: Rate,
    /// Handles that one account looks up.
    pub directory_account: Rate,
    /// Claims of key packages of one account (D-12).
    pub claim_account: Rate,
    /// Uploads of one account.
    pub upload_account: Rate,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            any_address: Rate { per_minute: 6_000, burst: 2_000 },
            login_address: Rate { per_minute: 20, burst: 20 },
            registration_address: Rate { per_minute: 5, burst: 20 },
            open_address: Rate { per_minute: 300, burst: 300 },
            read_account: Rate { per_minute: 3_000, burst: 1_000 },
            write_account: Rate { per_minute: 1_200, burst: 600 },
            directory_account: Rate { per_minute: 30, burst: 120 },
            claim_account: Rate { per_minute: 60, burst: 60 },
            upload_account: Rate { per_minute: 60, burst: 60 },
        }
    }
}

/// So many at once, then so many per minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    pub per_minute: u32,
    pub burst: u32,
}

/// Scheme and authority, without a path: exactly what browsers send as `Origin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(String);

impl PublicUrl {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Cookies are `Secure` then.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl FromStr for PublicUrl {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let refuse = |sentence: &str| Err(ConfigError::new("public_url", sentence));
        let Some(authority) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
            return refuse("give scheme and host, such as https://chat.example.org");
        };
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-:[]".contains(c);
        if authority.is_empty() || !authority.chars().all(plain) {
            return refuse("give scheme and host in lower case and nothing behind them");
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

impl ConfigError {
    fn new(option: &str, sentence: impl Into<String>) -> Self {
        Self { option: option.to_owned(), sentence: sentence.into() }
    }
}

/// The configuration file as it is written; every field may be absent.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    listen: Option<String>,
    data_dir: Option<String>,
    database_url: Option<String>,
    public_url: Option<String>,
    log: Option<String>,
    registration: Option<String>,
    message_ttl_seconds: Option<u64>,
    trusted_proxies: Option<Vec<String>>,
    mail: MailFile,
    timers: Timers,
    limits: Limits,
}

impl Config {
    /// Reads the file that `SOTTO_CONFIG` names, if any, then the environment.
    pub fn load() -> Result<Self, ConfigError> {
        Self::from_sources(|name| {
            #[expect(clippy::disallowed_methods, reason = "config.rs is where the environment is read")]
            match std::env::var(name) {
                Ok(value) => Ok(Some(value)),
                Err(std::env::VarError::NotPresent) => Ok(None),
                Err(std::env::VarError::NotUnicode(_)) => Err(ConfigError::new(name, "is not valid UTF-8")),
            }
        })
    }

    /// As [`Config::load`], with another environment.
    pub fn from_sources(
        environment: impl Fn(&str) -> Result<Option<String>, ConfigError>,
    ) -> Result<Self, ConfigError> {
        let file = match environment("SOTTO_CONFIG")? {
            Some(path) => read_file(Path::new(&path))?,
            None => File::default(),
        };
        let option = |name: &'static str, in_file: Option<String>| {
            Ok::<_, ConfigError>(environment(name)?.or(in_file).map(|value| (name, value)))
        };
        let listen = match option("SOTTO_LISTEN", file.listen)? {
            Some((name, text)) => listen_address(name, &text)?,
            None => SocketAddr::from(([127, 0, 0, 1], 8080)),
        };
        let data_dir = match option("SOTTO_DATA_DIR", file.data_dir)? {
            Some((name, text)) if text.is_empty() => {
                return Err(ConfigError::new(name, "name a directory, such as ./data"));
            }
            Some((_, text)) => PathBuf::from(text),
            None => PathBuf::from("data"),
        };
        let database = match option("SOTTO_DATABASE_URL", file.database_url)? {
            Some((name, url)) => database_address(name, url)?,
            None => DatabaseAddress::Sqlite(data_dir.join("sotto.sqlite")),
        };
        let public_url = match option("SOTTO_PUBLIC_URL", file.public_url)? {
            Some((_, text)) => text.parse()?,
            None => PublicUrl(format!("http://localhost:{}", listen.port())),
        };
        let log = option("SOTTO_LOG", file.log)?.map_or_else(|| "info".to_owned(), |(_, text)| text);
        let registration = match option("SOTTO_REGISTRATION", file.registration)? {
            Some((name, text)) => registration_mode(name, &text)?,
            None => RegistrationMode::default(),
        };
        let proxies = file.trusted_proxies.map(|networks| networks.join(","));
        let trusted_proxies = match option("SOTTO_TRUSTED_PROXIES", proxies)? {
            Some((name, text)) => text.parse().map_err(|sentence: &str| ConfigError::new(name, sentence))?,
            None => TrustedProxies::default(),
        };
        let mail = MailConfig::of(
            option("SOTTO_SMTP_URL", file.mail.smtp_url)?,
            option("SOTTO_MAIL_FROM", file.mail.from)?,
            &public_url,
        )?;
        let config = Self {
            listen,
            data_dir,
            database,
            public_url,
            log,
            registration,
            message_ttl_seconds: file.message_ttl_seconds.unwrap_or(limits::MESSAGE_TTL_SECONDS),
            trusted_proxies,
            mail,
            timers: file.timers,
            limits: file.limits,
        };
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let refuse = |option: &str, sentence: &str| Err(ConfigError::new(option, sentence));
        if !(3_600..=10 * 365 * 86_400).contains(&self.message_ttl_seconds) {
            return refuse("message_ttl_seconds", "give an hour (3600) to ten years");
        }
        let t = &self.timers;
        let waits = [
            ("timers.header_ms", t.header_ms),
            ("timers.idle_ms", t.idle_ms),
            ("timers.authenticate_ms", t.authenticate_ms),
            ("timers.ping_ms", t.ping_ms),
            ("timers.dead_ms", t.dead_ms),
            ("timers.behind_ms", t.behind_ms),
            ("timers.drain_ms", t.drain_ms),
            ("timers.acknowledge_ms", t.acknowledge_ms),
            ("timers.sweep_ms", t.sweep_ms),
        ];
        if let Some((option, _)) = waits.iter().find(|(_, ms)| !(1..=3_600_000).contains(ms)) {
            return refuse(option, "give 1 to 3600000 milliseconds");
        }
        let l = &self.limits;
        let counts = [
            ("limits.connections_max", l.connections_max),
            ("limits.connections_per_address_max", l.connections_per_address_max),
            ("limits.unauthenticated_sockets_max", l.unauthenticated_sockets_max),
            ("limits.unauthenticated_sockets_per_address_max", l.unauthenticated_sockets_per_address_max),
            ("limits.guesses_per_hour", l.guesses_per_hour),
            ("limits.guesses_per_day", l.guesses_per_day),
        ];
        if let Some((option, _)) = counts.iter().find(|(_, count)| !(1..=1_000_000).contains(count)) {
            return refuse(option, "give 1 to 1000000");
        }
        if !(1..=limits::BLOB_BYTES_MAX).contains(&l.blob_bytes_max) {
            return refuse("limits.blob_bytes_max", "give 1 to 104857600 bytes");
        }
        if !(1..=1_000_000_000).contains(&l.records_per_account_max) {
            return refuse("limits.records_per_account_max", "give 1 to 1000000000");
        }
        if !(limits::RECORD_BYTES_MAX as u64..=1 << 50).contains(&l.record_bytes_per_account_max) {
            return refuse("limits.record_bytes_per_account_max", "give 262144 bytes to a pebibyte");
        }
        let r = &l.rates;
        let rates = [
            ("any_address", r.any_address),
            ("login_address", r.login_address),
            ("registration_address", r.registration_address),
            ("open_address", r.open_address),
            ("read_account", r.read_account),
            ("write_account", r.write_account),
            ("directory_account", r.directory_account),
            ("claim_account", r.claim_account),
            ("upload_account", r.upload_account),
        ];
        match rates.iter().find(|(_, rate)| rate.per_minute == 0 || rate.burst == 0) {
            Some((option, _)) => {
                refuse(&format!("limits.rates.{option}"), "per_minute and burst are at least 1")
            }
            None => Ok(()),
        }
    }
}

impl Timers {
    pub fn idle(&self) -> Duration {
        Duration::from_millis(self.idle_ms)
    }
}

fn read_file(path: &Path) -> Result<File, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        ConfigError::new("SOTTO_CONFIG", format!("{} can't be read: {error}", path.display()))
    })?;
    toml::from_str(&text).map_err(|error| {
        ConfigError::new(&path.display().to_string(), error.to_string().trim_end().to_owned())
    })
}

fn listen_address(option: &str, text: &str) -> Result<SocketAddr, ConfigError> {
    text.parse().map_err(|_| {
        ConfigError::new(option, "give an IP address and a port, such as 127.0.0.1:8080 or [::]:8080")
    })
}

fn registration_mode(option: &str, text: &str) -> Result<RegistrationMode, ConfigError> {
    match text {
        "open" => Ok(RegistrationMode::Open),
        "invite" => Ok(RegistrationMode::Invite),
        "closed" => Ok(RegistrationMode::Closed),
        _ => Err(ConfigError::new(option, "give open, invite or closed")),
    }
}

fn database_address(option: &str, url: String) -> Result<DatabaseAddress, ConfigError> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        Ok(DatabaseAddress::Postgres(url))
    } else if let Some(path) = url.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
        Ok(DatabaseAddress::Sqlite(PathBuf::from(path.strip_prefix("//").unwrap_or(path))))
    } else {
        Err(ConfigError::new(option, "give postgres://user@host/database or sqlite:path/to/file"))
    }
}

#[cfg(test)]
mod tests;
