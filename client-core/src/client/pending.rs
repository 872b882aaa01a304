//! Requests that wait for an answer. Each is offered to the host once per attempt; a lost one comes back after a
//! jittered pause until it is answered, unless a person waits for it.

use std::collections::BTreeMap;

use protocol::{AccountId, BlobId, ClaimId, GroupId, UnixMillis, WelcomeId};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::{
    events::CommandId,
    factors::FactorChange,
    knowledge::Question,
    requests::{Authorization, BodyKind, Method, Request},
};

/// Requests that may wait at once; more is a defect of this crate, not of the relay.
pub(crate) const PENDING_REQUESTS_MAX: usize = 4096;
const BACKOFF_FIRST_MS: u64 = 500;
/// Of a request whose token was not taken.
const ATTEMPTS_AT_ONCE: u32 = 3;
const BACKOFF_MAX_MS: u64 = 30_000;

/// Why a request was made; decides what its answer does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Purpose {
    CheckHandle(CommandId),
    CheckRegistration(CommandId),
    /// The step of the onboarding under way.
    Onboarding,
    /// The second factor of an opening that waits for it.
    Factor,
    /// The step of the fresh proof under way.
    Proof,
    FactorChange(CommandId, FactorChange),
    /// The step of the removal of devices under way.
    Removal,
    /// When the relay last saw one's devices.
    Devices,
    /// Key packages of one's other devices, for the group with oneself.
    ClaimSelf(ClaimId),
    Refresh,
    DeviceChallenge,
    DeviceLogin,
    LogOut,
    ListGroups,
    Welcomes,
    TakeWelcome(WelcomeId),
    /// The peer of a conversation that is being started.
    StartDirectory,
    StartClaimPeer,
    StartClaimOwn,
    Bundle(GroupId),
    GroupInfo(GroupId),
    Entries(GroupId),
    Post(GroupId, u64),
    /// The directory entry of a contact, or of oneself.
    Account(AccountId),
    CountKeyPackages,
    PublishKeyPackages,
    PublishLastResort,
    /// The next page of the feed of records.
    Changes,
    PutRecords,
    /// What is new in the audit log.
    CheckAudit,
    /// All of it, for the screen.
    ListAudit(CommandId),
    /// Something that the relay knows, for the screen.
    Question(CommandId, Question),
    DeleteBlob(BlobId),
}

impl Purpose {
    /// A person waits for it: a lost answer is told instead of tried again.
    fn interactive(&self) -> bool {
        matches!(
            self,
            Self::CheckHandle(_)
                | Self::CheckRegistration(_)
                | Self::ListAudit(_)
                | Self::Question(..)
                | Self::FactorChange(..)
                | Self::StartDirectory
                | Self::StartClaimPeer
                | Self::StartClaimOwn
        )
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ready,
    Out,
    Until(UnixMillis),
}

/// A request and its history.
#[derive(Debug)]
pub(crate) struct Pending {
    request: Request,
    pub(crate) purpose: Purpose,
    state: State,
    attempts: u32,
    give_up: bool,
}

impl Pending {
    pub(crate) fn needs_token(&self) -> bool {
        self.request.authorization == Authorization::Bearer
    }

    /// A fresh token is tried at once; one that is not taken either, after a pause.
    pub(crate) fn may_go_at_once(&self) -> bool {
        self.attempts < ATTEMPTS_AT_ONCE
    }

    /// Whether a lost answer ends it.
    pub(crate) fn told_when_lost(&self) -> bool {
        self.give_up || self.purpose.interactive()
    }
}

/// All of them, by id.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    next_id: u64,
    pending: BTreeMap<u64, Pending>,
}

/// What to ask.
pub(crate) struct Ask {
    method: Method,
    path: String,
    authorization: Authorization,
    body: Option<(BodyKind, Zeroizing<Vec<u8>>)>,
    give_up: bool,
}

impl Ask {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::Get, path.into(), None)
    }

    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::Delete, path.into(), None)
    }

    pub(crate) fn cbor<T: minicbor::Encode<()>>(method: Method, path: impl Into<String>, body: &T) -> Self {
        let body = Zeroizing::new(protocol::socket::to_bytes(body));
        Self::new(method, path.into(), Some((BodyKind::Cbor, body)))
    }

    pub(crate) fn cbor_bytes(method: Method, path: impl Into<String>, body: Vec<u8>) -> Self {
        Self::new(method, path.into(), Some((BodyKind::Cbor, Zeroizing::new(body))))
    }

    pub(crate) fn json<T: serde::Serialize>(path: impl Into<String>, body: &T) -> Self {
        let body = Zeroizing::new(serde_json::to_vec(body).unwrap_or_default());
        Self::new(Method::Post, path.into(), Some((BodyKind::Json, body)))
    }

    /// An open route: no token goes along.
    #[must_use]
    pub(crate) fn open(mut self) -> Self {
        self.authorization = Authorization::None;
        self
    }

    /// A lost answer is told.
    #[must_use]
    pub(crate) fn once(mut self) -> Self {
        self.give_up = true;
        self
    }

    fn new(method: Method, path: String, body: Option<(BodyKind, Zeroizing<Vec<u8>>)>) -> Self {
        Self { method, path, authorization: Authorization::Bearer, body, give_up: false }
    }
}

impl Requests {
    pub(crate) fn push(&mut self, ask: Ask, purpose: Purpose) {
        if self.pending.len() >= PENDING_REQUESTS_MAX {
            return;
        }
        let id = self.next_id;
        self.next_id += 1;
        let Ask { method, path, authorization, body, give_up } = ask;
        let request = Request { id, method, path, authorization, body };
        self.pending.insert(id, Pending { request, purpose, state: State::Ready, attempts: 0, give_up });
    }

    /// Like [`Self::push`], unless one with the same purpose waits already.
    pub(crate) fn push_unless_pending(&mut self, ask: Ask, purpose: Purpose) {
        if !self.has(&purpose) {
            self.push(ask, purpose);
        }
    }

    /// Like [`Self::push`], unless one with the same purpose is still to be sent. For what the relay gives a hint of: an
    /// answer that is under way may be older than the hint, so one more is asked for after it.
    pub(crate) fn push_unless_unsent(&mut self, ask: Ask, purpose: Purpose) {
        let unsent = |pending: &Pending| pending.purpose == purpose && pending.state != State::Out;
        if !self.pending.values().any(unsent) {
            self.push(ask, purpose);
        }
    }

    pub(crate) fn has(&self, purpose: &Purpose) -> bool {
        self.pending.values().any(|pending| pending.purpose == *purpose)
    }

    /// Whether key packages of one's other devices are being asked for.
    pub(crate) fn has_self_claim(&self) -> bool {
        self.pending.values().any(|pending| matches!(pending.purpose, Purpose::ClaimSelf(_)))
    }

    /// The next request to send; those that need a token only when there is one, and one of a purpose at a time.
    pub(crate) fn poll(&mut self, have_token: bool) -> Option<Request> {
        let out = |purpose: &Purpose| {
            self.pending.values().any(|other| other.state == State::Out && other.purpose == *purpose)
        };
        let ready = |pending: &&Pending| {
            pending.state == State::Ready
                && (have_token || pending.request.authorization == Authorization::None)
                && !out(&pending.purpose)
        };
        let id = self.pending.values().find(ready)?.request.id;
        let pending = self.pending.get_mut(&id)?;
        pending.state = State::Out;
        pending.attempts += 1;
        Some(pending.request.clone())
    }

    /// Whether something waits for a token.
    pub(crate) fn wants_token(&self) -> bool {
        self.pending.values().any(|pending| pending.request.authorization == Authorization::Bearer)
    }

    pub(crate) fn take(&mut self, id: u64) -> Option<Pending> {
        match self.pending.get(&id) {
            Some(pending) if pending.state == State::Out => self.pending.remove(&id),
            _ => None,
        }
    }

    /// Puts it back to be sent at once, with whatever token there is then.
    pub(crate) fn again(&mut self, pending: Pending) {
        self.pending.insert(pending.request.id, Pending { state: State::Ready, ..pending });
    }

    /// Puts it back to be sent after a pause: `at_least_ms`, or longer the more often it failed, with jitter.
    pub(crate) fn later(
        &mut self,
        pending: Pending,
        at_least_ms: u64,
        now: UnixMillis,
        rng: &mut dyn CryptoRng,
    ) {
        let pause = backoff_ms(pending.attempts, rng).max(at_least_ms);
        let until = UnixMillis(now.0.saturating_add(pause));
        self.pending.insert(pending.request.id, Pending { state: State::Until(until), ..pending });
    }

    /// Wakes what has waited long enough; all of it when the network is back.
    pub(crate) fn wake(&mut self, now: UnixMillis, all: bool) {
        for pending in self.pending.values_mut() {
            if let State::Until(until) = pending.state
                && (all || until <= now)
            {
                pending.state = State::Ready;
            }
        }
    }

    pub(crate) fn timeout(&self) -> Option<UnixMillis> {
        let until = |pending: &Pending| match pending.state {
            State::Until(until) => Some(until),
            State::Ready | State::Out => None,
        };
        self.pending.values().filter_map(until).min()
    }

    pub(crate) fn drop_all(&mut self) {
        self.pending.clear();
    }

    /// Forgets every request and gives what each was for.
    pub(crate) fn take_all(&mut self) -> Vec<Purpose> {
        core::mem::take(&mut self.pending).into_values().map(|pending| pending.purpose).collect()
    }

    /// Forgets requests of one purpose; a late answer is then nobody's.
    pub(crate) fn forget(&mut self, purpose: &Purpose) {
        self.pending.retain(|_, pending| pending.purpose != *purpose);
    }
}

/// 0.5 s, doubled with each attempt up to 30 s, and between half and all of that.
pub(crate) fn backoff_ms(attempts: u32, rng: &mut dyn CryptoRng) -> u64 {
    let ceiling =
        BACKOFF_FIRST_MS.saturating_mul(1 << attempts.saturating_sub(1).min(10)).min(BACKOFF_MAX_MS);
    ceiling / 2 + u64::from(rng.next_u32()) % (ceiling / 2 + 1)
}

#[cfg(test)]
mod tests {
    use super::{AccountId, Ask, Purpose, Requests};

    #[test]
    fn what_changed_while_its_answer_was_under_way_is_asked_for_once_more() {
        let account = AccountId::from_bytes([1; 16]);
        let mut requests = Requests::default();
        let ask = |requests: &mut Requests| {
            requests.push_unless_unsent(Ask::get("/v1/accounts/x"), Purpose::Account(account));
        };

        ask(&mut requests);
        ask(&mut requests);
        let first = requests.poll(true).unwrap();
        assert!(requests.poll(true).is_none(), "one that waits is enough");
        ask(&mut requests);
        ask(&mut requests);
        assert!(requests.poll(true).is_none(), "not before the first is answered");
        assert!(requests.take(first.id).is_some());

        assert!(requests.poll(true).is_some());
        assert!(requests.poll(true).is_none());
    }
}
