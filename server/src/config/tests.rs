use super::{Config, ConfigError, Rate};
use crate::storage::connection::DatabaseAddress;
use std::path::PathBuf;

fn config(environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::from_sources(|name| {
        Ok(environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    })
}

#[test]
fn without_any_configuration_the_defaults_stand() {
    let config = config(&[]).unwrap();

    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.public_url.as_str(), "http://localhost:8080");
    assert_eq!(config.database, DatabaseAddress::Sqlite(PathBuf::from("data/sotto.sqlite")));
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sotto.toml");
    std::fs::write(
        &path,
        "listen = \"127.0.0.1:1\"\ndata_dir = \"/from-file\"\n[timers]\nping_ms = 7\n[limits.rates]\nread_account = { per_minute = 1, burst = 2 }\n",
    )
    .unwrap();

    let config = config(&[("SOTTO_CONFIG", path.to_str().unwrap()), ("SOTTO_LISTEN", "[::1]:9")]).unwrap();

    assert_eq!(config.listen.to_string(), "[::1]:9");
    assert_eq!(config.data_dir, PathBuf::from("/from-file"));
    assert_eq!(config.timers.ping_ms, 7);
    assert_eq!(config.limits.rates.read_account, Rate { per_minute: 1, burst: 2 });
}

#[test]
fn wrong_values_are_refused_with_the_sentence_that_helps() {
    for (name, value, sentence) in [
        ("SOTTO_LISTEN", "8080", "such as 127.0.0.1:8080"),
        ("SOTTO_DATA_DIR", "", "name a directory"),
        ("SOTTO_DATABASE_URL", "mysql://x", "postgres://user@host/database"),
        ("SOTTO_PUBLIC_URL", "chat.example.org", "give scheme and host"),
        ("SOTTO_PUBLIC_URL", "https://chat.example.org/app", "nothing behind them"),
        ("SOTTO_TRUSTED_PROXIES", "proxy.example.org", "such as 127.0.0.1 or 10.0.0.0/8"),
        ("SOTTO_TRUSTED_PROXIES", "10.1.2.3/8", "not 10.1.2.3/8"),
        ("SOTTO_CONFIG", "/does/not/exist", "can't be read"),
    ] {
        let error = config(&[(name, value)]).unwrap_err();
        assert!(error.to_string().contains(sentence), "{error}");
    }
}

#[test]
fn a_file_with_an_unknown_option_or_a_limit_of_zero_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sotto.toml");
    for (text, sentence) in [
        ("retention = 3", "unknown field `retention`"),
        ("[limits]\nconnections_max = 0", "limits.connections_max: give 1 to"),
        ("[timers]\nping_ms = 0", "timers.ping_ms: give 1 to"),
        ("[limits.rates]\nread_account = { per_minute = 0, burst = 1 }", "limits.rates.read_account"),
        ("[limits]\nrecords_per_account_max = 0", "limits.records_per_account_max: give 1 to"),
        ("[limits]\nrecord_bytes_per_account_max = 1", "limits.record_bytes_per_account_max: give 262144"),
        ("message_ttl_seconds = 5", "an hour (3600)"),
        ("trusted_proxies = [\"10.0.0.0/40\"]", "SOTTO_TRUSTED_PROXIES: give addresses"),
    ] {
        std::fs::write(&path, text).unwrap();
        let error = config(&[("SOTTO_CONFIG", path.to_str().unwrap())]).unwrap_err();
        assert!(error.to_string().contains(sentence), "{error}");
    }
}
