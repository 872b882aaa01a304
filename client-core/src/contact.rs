//! A contact, as all devices of a person know it: what it calls itself, and what is known of its identity key.
//! `{0: version, 1: account, 2: names, 3: trust, 4: blocked, 5: standing}`, one record each; 4 is absent until it was
//! decided, 5 in records of before there were requests.

use minicbor::{Decode, Encode};
use protocol::{AccountId, IdentityKey, UnixMillis};
use zeroize::Zeroizing;

use crate::{
    dated::{Dated, merge_optional},
    records::{RecordError, clipped, decode, encode, texts_fit},
};

/// The version of the format. A device that meets a higher one leaves the record as it is.
pub const CONTACT_VERSION: u32 = 1;
/// The date of names that nobody has told: whatever the contact tells is later.
const UNTOLD: UnixMillis = UnixMillis(0);
/// Contacts of one account.
pub const CONTACTS_MAX: usize = 10_000;

/// How a contact calls itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(map)]
pub struct ContactNames {
    /// The handle by which it is found.
    #[n(0)]
    pub handle: String,
    /// The name that it gave itself.
    #[n(1)]
    pub display_name: String,
    /// Index into the palette.
    #[n(2)]
    pub colour: u8,
}

impl ContactNames {
    fn clipped(self) -> Self {
        Self { handle: clipped(self.handle), display_name: clipped(self.display_name), colour: self.colour }
    }
}

/// What one knows of a contact's identity key (K-4, K-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(map)]
pub struct ContactTrust {
    /// The key that was seen first, or accepted since.
    #[n(0)]
    pub identity_key: IdentityKey,
    /// When the person said "they match"; `None`: never compared.
    #[n(1)]
    pub verified_at: Option<UnixMillis>,
    /// Another key that was seen since, about which the person has not decided yet.
    #[n(2)]
    pub changed_key: Option<IdentityKey>,
}

/// What a contact is to the person. Of two decisions in one millisecond the later of these stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Standing {
    /// It wrote first, and nobody has answered.
    #[n(0)]
    Requested,
    /// The person wrote to it, or took its request.
    #[n(1)]
    Accepted,
    /// The person does not want to see it any more; what it writes next is a request again.
    #[n(2)]
    Removed,
}

/// A contact. Names and trust are changed and merged apart, so that a new name never undoes a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    account: AccountId,
    names: Dated<ContactNames>,
    trust: Dated<ContactTrust>,
    blocked: Option<Dated<bool>>,
    standing: Option<Dated<Standing>>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Content {
    #[n(0)]
    version: u32,
    #[n(1)]
    account: AccountId,
    #[n(2)]
    names: Dated<ContactNames>,
    #[n(3)]
    trust: Dated<ContactTrust>,
    #[n(4)]
    blocked: Option<Dated<bool>>,
    #[n(5)]
    standing: Option<Dated<Standing>>,
}

impl Contact {
    /// A contact under names that it has not given itself, with the identity key that is trusted on first use: what it
    /// says of itself, and any decision of the person, outweighs that.
    pub fn new(account: AccountId, names: ContactNames, identity_key: IdentityKey) -> Self {
        let trust = ContactTrust { identity_key, verified_at: None, changed_key: None };
        Self {
            account,
            names: Dated::at(names.clipped(), UNTOLD),
            trust: Dated::first(trust),
            blocked: None,
            standing: Some(Dated::first(Standing::Requested)),
        }
    }

    /// Reads the content of a record.
    ///
    /// # Errors
    /// [`RecordError::NewerVersion`], [`RecordError::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let Content { version: _, account, names, trust, blocked, standing } =
            decode(bytes, CONTACT_VERSION)?;
        if !texts_fit([&names.value.handle, &names.value.display_name]) {
            return Err(RecordError::Malformed);
        }
        Ok(Self { account, names, trust, blocked, standing })
    }

    /// The content of its record.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let Self { account, names, trust, blocked, standing } = self.clone();
        encode(Content { version: CONTACT_VERSION, account, names, trust, blocked, standing })
    }

    /// What it calls itself since `told_at`, by its own clock; older words than those that are known say nothing new.
    /// Tells whether it is called otherwise now.
    pub fn tell_names(&mut self, names: ContactNames, told_at: Option<UnixMillis>) -> bool {
        let before = self.names.value.clone();
        let told = match told_at {
            Some(told_at) => Dated::at(names.clipped(), told_at),
            None => Dated::first(names.clipped()),
        };
        self.names.merge(told);
        self.names.value != before
    }

    /// The handle that the directory gives, if none was known; tells whether that is so.
    pub fn learn_handle(&mut self, handle: String) -> bool {
        let names = &mut self.names.value;
        if !names.handle.is_empty() {
            return false;
        }
        names.handle = clipped(handle);
        if names.display_name.is_empty() {
            names.display_name.clone_from(&names.handle);
        }
        true
    }

    /// Changes what is known of its identity key.
    pub fn set_trust(&mut self, trust: ContactTrust, now: UnixMillis) -> bool {
        self.trust.set(trust, now)
    }

    /// Decides whether the person wants to hear from it; tells whether that is another decision.
    pub fn set_blocked(&mut self, blocked: bool, now: UnixMillis) -> bool {
        match &mut self.blocked {
            Some(decided) => decided.set(blocked, now),
            None if blocked => {
                self.blocked = Some(Dated::at(true, now));
                true
            }
            None => false,
        }
    }

    /// Decides what it is to the person; tells whether that is another decision.
    pub fn set_standing(&mut self, standing: Standing, now: UnixMillis) -> bool {
        match &mut self.standing {
            Some(decided) => decided.set(standing, now),
            None if standing != Standing::Accepted => {
                self.standing = Some(Dated::at(standing, now));
                true
            }
            None => false,
        }
    }

    /// Takes in what another device wrote of the same contact. Two keys that two devices trusted on first use are no
    /// decision of anybody: one stays pinned, and the other is told like every changed key.
    pub fn merge(&mut self, other: Self) {
        self.names.merge(other.names);
        merge_optional(&mut self.blocked, other.blocked);
        self.merge_standing(other.standing);
        let keys = [self.trust.value.identity_key, other.trust.value.identity_key];
        if self.trust.is_first() && other.trust.is_first() && keys[0] != keys[1] {
            let [pinned, changed] = if keys[0] < keys[1] { keys } else { [keys[1], keys[0]] };
            let trust = ContactTrust { identity_key: pinned, verified_at: None, changed_key: Some(changed) };
            let after = self.trust.changed_at.0.max(other.trust.changed_at.0).saturating_add(1);
            self.trust = Dated::at(trust, UnixMillis(after));
        } else {
            self.trust.merge(other.trust);
        }
    }

    /// Absent is what every contact was before there were requests: accepted, by nobody's decision.
    fn merge_standing(&mut self, other: Option<Dated<Standing>>) {
        let undecided = |standing: &Option<Dated<Standing>>| standing.is_none_or(|dated| dated.is_first());
        if undecided(&self.standing) && undecided(&other) {
            self.standing = self.standing.and(other);
        } else {
            merge_optional(&mut self.standing, other);
        }
    }

    /// Whose record it is.
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// How it calls itself.
    pub const fn names(&self) -> &ContactNames {
        &self.names.value
    }

    /// What is known of its identity key.
    pub const fn trust(&self) -> &ContactTrust {
        &self.trust.value
    }

    /// When that was last changed.
    pub const fn trust_changed_at(&self) -> UnixMillis {
        self.trust.changed_at
    }

    /// What it is to the person.
    pub fn standing(&self) -> Standing {
        self.standing.map_or(Standing::Accepted, |decided| decided.value)
    }

    /// Whether the person does not want to hear from it.
    pub fn is_blocked(&self) -> bool {
        self.blocked.is_some_and(|decided| decided.value)
    }
}

#[cfg(test)]
mod tests;
