//! Rate limits in memory: every request counts for its address, and for its account once that is known.

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use protocol::{AccountId, ErrorCode, Facts};
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;

use crate::config::{Rate, Rates};
use crate::error::ApiError;

/// Which budget a route draws on, beside that of its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateClass {
    /// By address: log-in starts and finishes.
    Login,
    /// By address: registration.
    Registration,
    /// By address: other routes without a token.
    Open,
    /// By account.
    Read,
    /// By account: also messages over the socket.
    Write,
    /// By account: look-ups of handles.
    Directory,
    /// By account: claims of key packages.
    Claim,
    /// By account: blobs.
    Upload,
}

/// An address as limits see it: IPv4 whole, IPv6 by its /64, which one subscriber has whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressKey([u8; 8]);

impl From<IpAddr> for AddressKey {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                let [a, b, c, d] = v4.octets();
                Self([0, 0, 0, 0, a, b, c, d])
            }
            IpAddr::V6(v6) => {
                let (network, _) =
                    v6.octets().split_first_chunk::<8>().map_or(([0; 8], ()), |(n, _)| (*n, ()));
                Self(network)
            }
        }
    }
}

/// All limiters of the relay.
pub struct RateLimits {
    any_address: DefaultKeyedRateLimiter<AddressKey>,
    login_address: DefaultKeyedRateLimiter<AddressKey>,
    registration_address: DefaultKeyedRateLimiter<AddressKey>,
    open_address: DefaultKeyedRateLimiter<AddressKey>,
    read_account: DefaultKeyedRateLimiter<AccountId>,
    write_account: DefaultKeyedRateLimiter<AccountId>,
    directory_account: DefaultKeyedRateLimiter<AccountId>,
    claim_account: DefaultKeyedRateLimiter<AccountId>,
    upload_account: DefaultKeyedRateLimiter<AccountId>,
}

impl RateLimits {
    pub fn new(rates: &Rates) -> Self {
        Self {
            any_address: limiter(rates.any_address),
            login_address: limiter(rates.login_address),
            registration_address: limiter(rates.registration_address),
            open_address: limiter(rates.open_address),
            read_account: limiter(rates.read_account),
            write_account: limiter(rates.write_account),
            directory_account: limiter(rates.directory_account),
            claim_account: limiter(rates.claim_account),
            upload_account: limiter(rates.upload_account),
        }
    }

    /// Counts one request of `address`; refused with `Retry-After` when its budget is empty.
    pub fn check_address(&self, class: RateClass, address: AddressKey) -> Result<(), ApiError> {
        check(&self.any_address, &address)?;
        match class {
            RateClass::Login => check(&self.login_address, &address),
            RateClass::Registration => check(&self.registration_address, &address),
            RateClass::Open => check(&self.open_address, &address),
            RateClass::Read
            | RateClass::Write
            | RateClass::Directory
            | RateClass::Claim
            | RateClass::Upload => Ok(()),
        }
    }

    /// Counts one request of `account`.
    pub fn check_account(&self, class: RateClass, account: AccountId) -> Result<(), ApiError> {
        match class {
            RateClass::Read => check(&self.read_account, &account),
            RateClass::Write => check(&self.write_account, &account),
            RateClass::Directory => check(&self.directory_account, &account),
            RateClass::Claim => check(&self.claim_account, &account),
            RateClass::Upload => check(&self.upload_account, &account),
            RateClass::Login | RateClass::Registration | RateClass::Open => Ok(()),
        }
    }

    /// Forgets who has a full budget again; the limiters never do that by themselves.
    pub fn prune(&self) {
        for limiter in
            [&self.any_address, &self.login_address, &self.registration_address, &self.open_address]
        {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
        for limiter in [
            &self.read_account,
            &self.write_account,
            &self.directory_account,
            &self.claim_account,
            &self.upload_account,
        ] {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

fn limiter<K: Hash + Eq + Clone>(rate: Rate) -> DefaultKeyedRateLimiter<K> {
    let at_least_one = |count| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
    RateLimiter::keyed(Quota::per_minute(at_least_one(rate.per_minute)).allow_burst(at_least_one(rate.burst)))
}

fn check<K: Hash + Eq + Clone>(limiter: &DefaultKeyedRateLimiter<K>, key: &K) -> Result<(), ApiError> {
    limiter.check_key(key).map_err(|not_until| {
        let wait = not_until.wait_time_from(DefaultClock::default().now());
        let seconds = wait.as_secs() + 1;
        ApiError::with(
            ErrorCode::RateLimited,
            Facts { retry_after_seconds: Some(seconds), ..Facts::default() },
        )
    })
}
