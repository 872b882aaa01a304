//! Contacts: whose key is pinned, which devices are listed, what the person has verified (K-2, K-4, check 5).

use std::collections::{BTreeMap, BTreeSet};

use protocol::{
    AccountId, GroupId, IdentityKey, UnixMillis,
    accounts::DirectoryEntry,
    device_list::{DeviceList, DeviceListBody},
    revocation::REVOCATION_BYTES,
    values::Bytes,
};

use super::{
    Client, CommandError, CommandErrorCode, Contact, ContactDetails, Context, Event, Notice, ScanOutcome,
    Trust,
    groups::{Mls, peer_among},
    pending::{Ask, Purpose},
    refused_lists::verify_list,
    stored::{ContactRecord, GroupStage},
};
use crate::{
    contact::{CONTACTS_MAX, Contact as KnownContact, ContactNames, ContactTrust, Standing},
    device_list::{ChainError, DeviceListChain, IdentityRule, VerifiedDeviceList},
    fingerprint::{Fingerprint, Fingerprinted, QrVerdict, compare_qr, qr_text, safety_number},
    mls::{KnownAccount, KnownDevice, LocalConcern, Member, local_concerns},
};

impl Client {
    // ---- meeting accounts

    /// The members of a group that this device has just entered: unknown ones are pinned by the key of their leaves
    /// (trust on first use, K-5), and looked up for handle and device list.
    pub(super) fn meet_members(&mut self, group: GroupId, cx: &mut Context<'_>) {
        let Some(Mls::Group(mls)) = self.groups.get(&group).map(|slot| &slot.mls) else {
            return;
        };
        let members: BTreeMap<AccountId, IdentityKey> =
            mls.members().iter().map(|member| (member.account(), member.identity_key())).collect();
        for (account, identity_key) in members {
            if self.own_account().is_ok_and(|own| own == account) {
                continue;
            }
            if !self.contacts.contains_key(&account) {
                // The directory tells the handle; with too many contacts the group stays readable without this one.
                let _ = self.add_contact(account, ContactNames::default(), identity_key, cx);
            }
            self.fetch_account(account);
        }
        self.judge_members(group, cx);
    }

    /// What the directory says of an account, checked against what is pinned and known.
    pub(super) fn meet(&mut self, entry: &DirectoryEntry, cx: &mut Context<'_>) -> Result<(), CommandError> {
        let account = entry.account_id;
        self.learn_handle(entry, cx);
        let list = match verify_list(account, &entry.device_list) {
            Ok(list) => list,
            Err(fault) => return Err(self.refuse_list(account, fault, &entry.device_list, cx)),
        };
        let identity_key = list.body().identity_key;
        match self.contacts.get(&account).map(|contact| *contact.trust()) {
            None => {
                let names = ContactNames {
                    handle: entry.handle.to_string(),
                    display_name: entry.handle.to_string(),
                    colour: colour_of(account),
                };
                self.add_contact(account, names, identity_key, cx)?;
            }
            Some(trust) if trust.identity_key != identity_key => {
                self.key_changed(account, trust, identity_key, cx);
                return Err(CommandErrorCode::KeyChanged.into());
            }
            Some(_) => {}
        }
        let revocations = Self::verified_revocations(&list, &entry.revocations);
        let refused = self.accept_list(list, revocations, cx).err();
        refused
            .map_or(Ok(()), |error| Err(self.refuse_list(account, (&error).into(), &entry.device_list, cx)))
    }

    /// Somebody met as a member gets a handle, so that what is wrong with a key or a list can be told by name.
    fn learn_handle(&mut self, entry: &DirectoryEntry, cx: &mut Context<'_>) {
        let handle = entry.handle.to_string();
        self.change_contact(entry.account_id, |contact, _| contact.learn_handle(handle), cx);
    }

    /// The newest list that follows the one known here.
    fn accept_list(
        &mut self,
        list: VerifiedDeviceList,
        revocations: Vec<Bytes<REVOCATION_BYTES>>,
        cx: &mut Context<'_>,
    ) -> Result<(), ChainError> {
        let account = list.body().account;
        let record = self.device_lists.get(&account);
        let was_refused = record.is_some_and(|record| record.refused.is_some());
        let known = record.and_then(|record| VerifiedDeviceList::verify(&record.device_list).ok());
        let chain = match known {
            Some(known) => {
                let mut chain = DeviceListChain::start(known);
                chain.accept(list, IdentityRule::Pinned)?;
                chain
            }
            None => DeviceListChain::start(list),
        };
        let device_list = chain.head().encoded().to_vec();
        self.save_contact(ContactRecord { account_id: account, device_list, refused: None, revocations }, cx);
        self.list_accepted(account, was_refused, cx);
        for group in self.groups_with(account) {
            self.judge_members(group, cx);
            self.tend_group(group, cx);
        }
        self.emit(Event::ContactChanged { account_id: account });
        Ok(())
    }

    /// A list that came with a claim: the known one or a later one.
    pub(super) fn known_list(
        &self,
        account: AccountId,
        bytes: &[u8],
    ) -> Result<DeviceListBody, CommandError> {
        let offered = VerifiedDeviceList::verify(bytes).map_err(|_| CommandErrorCode::RelayMisbehaved)?;
        let known = self.stored_list(account).ok_or(CommandErrorCode::RelayMisbehaved)?;
        let known = VerifiedDeviceList::verify(known).map_err(|_| CommandErrorCode::StoreFailed)?;
        DeviceListChain::start(known)
            .check(&offered, IdentityRule::Pinned)
            .map_err(|_| CommandErrorCode::RelayMisbehaved)?;
        Ok(offered.body().clone())
    }

    /// The list of one's own account or of a contact, as it lies here.
    fn stored_list(&self, account: AccountId) -> Option<&[u8]> {
        match self.account.as_ref().filter(|own| own.account_id == account) {
            Some(own) => Some(own.device_list.as_slice()),
            None => self.device_lists.get(&account).map(|record| record.device_list.as_slice()),
        }
    }

    pub(super) fn fetch_account(&mut self, account: AccountId) {
        let ask = Ask::get(format!("/v1/accounts/{account}"));
        self.requests.push_unless_unsent(ask, Purpose::Account(account));
    }

    /// The relay says which version an account's list has: a later one than the known one is fetched.
    pub(super) fn heard_of_list(&mut self, account: AccountId, version: u64) {
        // Lists that lie here have been verified.
        let known = self.stored_list(account).and_then(|list| DeviceList::decode(list).ok());
        if known.is_some_and(|known| known.body.version < version) {
            self.fetch_account(account);
        }
    }

    pub(super) fn handle_directory_entry(&mut self, account: AccountId, body: &[u8], cx: &mut Context<'_>) {
        let Ok(entry) = serde_json::from_slice::<DirectoryEntry>(body) else {
            return;
        };
        if entry.account_id != account {
            return;
        }
        if self.own_account().is_ok_and(|own| own == account) {
            return self.take_own_list(&entry, cx);
        }
        // A changed key and a refused list are told there; what was known before stays.
        let _ = self.meet(&entry, cx);
        for group in self.groups_with(account) {
            self.emit_conversation(group);
            self.flush(group, cx);
        }
    }

    /// Check 5: a device in the group that no list names stops sending, and so does a third account; listed ones, revoked
    /// or not, don't.
    pub(super) fn judge_members(&mut self, group: GroupId, cx: &mut Context<'_>) {
        if self.groups.get(&group).is_some_and(|slot| slot.summary.stage == GroupStage::Active) {
            // Judged again as soon as its state is in memory.
            self.is_loaded(group);
        }
        let Some(Mls::Group(mls)) = self.groups.get(&group).map(|slot| &slot.mls) else {
            return;
        };
        let members: Vec<Member> = mls.members().to_vec();
        let accounts: BTreeSet<AccountId> = members.iter().map(Member::account).collect();
        let own = self.own_account().ok();
        let peer = self.groups.get(&group).map(|slot| slot.summary.peer);
        let mut unlisted = own.and_then(|own| peer_among(&accounts, own)) != peer;
        let known: BTreeMap<_, _> = accounts
            .into_iter()
            .filter_map(|account| Some((account, self.known_account(account)?)))
            .collect();
        let mut revoked = false;
        for concern in local_concerns(&members, &known) {
            match concern {
                LocalConcern::UnknownAccount { .. } => {}
                LocalConcern::NotListed { .. } => unlisted = true,
                LocalConcern::Revoked { .. } => revoked = true,
                LocalConcern::IdentityChanged { account, shown, .. } => {
                    if let Some(trust) = self.contacts.get(&account).map(|contact| *contact.trust()) {
                        self.key_changed(account, trust, shown, cx);
                    }
                }
            }
        }
        let untended = self.is_untended(group);
        if let Some(slot) = self.groups.get_mut(&group) {
            slot.summary.unlisted_device = unlisted;
            slot.summary.revoked_leaf = revoked;
            slot.summary.untended = untended;
        }
        self.save_summary(group, cx);
    }

    fn known_account(&self, account: AccountId) -> Option<KnownAccount> {
        let own = self.account.as_ref().filter(|own| own.account_id == account);
        let list = self.stored_list(account);
        let identity_key = match own {
            Some(own) => IdentityKey::from_bytes(own.identity_key),
            None => self.contacts.get(&account)?.trust().identity_key,
        };
        let listed = |list: &[u8]| {
            let list = VerifiedDeviceList::verify(list).ok()?;
            let device = |entry: &protocol::device_list::DeviceListEntry| KnownDevice {
                device: entry.device,
                leaf_key: entry.leaf_key,
                revoked: !entry.is_live(),
            };
            Some(list.body().entries.iter().map(device).collect())
        };
        Some(KnownAccount { identity_key, devices: list.and_then(listed) })
    }

    // ---- names and keys

    /// Takes up a contact with the identity key that is trusted on first use.
    fn add_contact(
        &mut self,
        account: AccountId,
        names: ContactNames,
        identity_key: IdentityKey,
        cx: &mut Context<'_>,
    ) -> Result<(), CommandError> {
        if self.contacts.len() >= CONTACTS_MAX {
            return Err(CommandErrorCode::NotAllowed.into());
        }
        self.contacts.insert(account, KnownContact::new(account, names, identity_key));
        self.contact_changed(account, cx);
        Ok(())
    }

    /// Changes a contact, if it is known and `change` says that it has.
    pub(super) fn change_contact(
        &mut self,
        account: AccountId,
        change: impl FnOnce(&mut KnownContact, UnixMillis) -> bool,
        cx: &mut Context<'_>,
    ) {
        if self.contacts.get_mut(&account).is_some_and(|contact| change(contact, cx.now)) {
            self.contact_changed(account, cx);
        }
    }

    fn key_changed(
        &mut self,
        account: AccountId,
        trust: ContactTrust,
        shown: IdentityKey,
        cx: &mut Context<'_>,
    ) {
        if trust.changed_key == Some(shown) {
            return;
        }
        let changed = ContactTrust { changed_key: Some(shown), ..trust };
        self.change_contact(account, |contact, now| contact.set_trust(changed, now), cx);
        self.tell_key_changed(account, trust.verified_at.is_some(), cx);
        self.show_contact(account);
    }

    /// Sending waits for a decision after a verified contact's key changed (K-4), or a list of theirs was refused; to a
    /// blocked one, until it is not.
    pub(super) fn sending_waits(&self, group: GroupId) -> bool {
        let peer = self.groups.get(&group).map(|slot| slot.summary.peer);
        if peer.and_then(|peer| self.device_lists.get(&peer)).is_some_and(ContactRecord::sending_waits) {
            return true;
        }
        let contact = peer.and_then(|peer| self.contacts.get(&peer));
        contact.is_some_and(|contact| {
            let undecided = contact.trust().changed_key.is_some() && contact.trust().verified_at.is_some();
            undecided || contact.is_blocked()
        })
    }

    pub(super) fn show_contact(&mut self, account: AccountId) {
        self.emit(Event::ContactChanged { account_id: account });
        for group in self.groups_with(account) {
            self.emit_conversation(group);
        }
    }

    pub(super) fn contact_view(&self, account: AccountId) -> Option<Contact> {
        let contact = self.contacts.get(&account)?;
        let names = contact.names();
        if names.handle.is_empty() {
            return None;
        }
        let trust = match contact.trust() {
            ContactTrust { changed_key: Some(_), verified_at, .. } => {
                Trust::Changed { was_verified: verified_at.is_some(), changed_at: contact.trust_changed_at() }
            }
            ContactTrust { verified_at: Some(verified_at), .. } => {
                Trust::Verified { verified_at: *verified_at }
            }
            ContactTrust { .. } => Trust::Unverified,
        };
        Some(Contact {
            account_id: account,
            handle: names.handle.clone(),
            display_name: names.display_name.clone(),
            colour: names.colour,
            trust,
            refused_list: self.device_lists.get(&account).and_then(|record| record.refused).map(Into::into),
            blocked: contact.is_blocked(),
            requested: contact.standing() == Standing::Requested,
        })
    }

    pub(super) fn fingerprint_text(&self, account: AccountId, identity_key: &[u8; 32]) -> String {
        hex(&Fingerprint::of(account, &IdentityKey::from_bytes(*identity_key)))
    }

    /// The contact's key that the person looks at: a changed one that waits for a decision, else the pinned one.
    fn shown_key(&self, account: AccountId) -> Result<(ContactTrust, IdentityKey), CommandError> {
        let trust = *self.contacts.get(&account).ok_or(CommandErrorCode::NotFound)?.trust();
        Ok((trust, trust.changed_key.unwrap_or(trust.identity_key)))
    }

    /// One's own and the contact's.
    fn fingerprints(&self, account: AccountId) -> Result<[Fingerprinted; 2], CommandError> {
        let own = self.account.as_ref().ok_or(CommandErrorCode::Misuse)?;
        let (_, shown) = self.shown_key(account)?;
        let of = |account, key: &IdentityKey| Fingerprinted {
            account,
            fingerprint: Fingerprint::of(account, key),
        };
        Ok([of(own.account_id, &IdentityKey::from_bytes(own.identity_key)), of(account, &shown)])
    }

    /// Fingerprint, safety number and QR code of a contact.
    ///
    /// # Errors
    /// [`CommandErrorCode::NotFound`].
    pub fn contact_details(&self, account: AccountId) -> Result<ContactDetails, CommandError> {
        let [own, theirs] = self.fingerprints(account)?;
        let contact = self.contact_view(account).ok_or(CommandErrorCode::NotFound)?;
        let list = self
            .device_lists
            .get(&account)
            .and_then(|record| VerifiedDeviceList::verify(&record.device_list).ok());
        let digits = safety_number(&own.fingerprint, &theirs.fingerprint);
        let device_count = list.map_or(0, |list| list.body().live().count());
        Ok(ContactDetails {
            contact,
            fingerprint: hex(&theirs.fingerprint),
            safety_number: digits.split(' ').map(str::to_owned).collect(),
            qr_payload: qr_text(&own, &theirs),
            device_count: u32::try_from(device_count).unwrap_or(u32::MAX),
        })
    }

    /// "They match": saved with the contact's record, so every device of mine knows (K-4).
    ///
    /// # Errors
    /// [`CommandErrorCode::KeyChanged`] when `fingerprint` is not the one to be shown now.
    pub fn confirm_match(
        &mut self,
        account: AccountId,
        fingerprint: &str,
        cx: &mut Context<'_>,
    ) -> Result<(), CommandError> {
        self.require_shown(account, fingerprint)?;
        let (_, identity_key) = self.shown_key(account)?;
        let trust = ContactTrust { identity_key, verified_at: Some(cx.now), changed_key: None };
        self.accept(account, cx);
        self.decide(account, trust, Notice::Verified { account_id: account }, cx);
        Ok(())
    }

    /// The person takes "they match" back.
    ///
    /// # Errors
    /// [`CommandErrorCode::NotFound`].
    pub fn withdraw_verification(
        &mut self,
        account: AccountId,
        cx: &mut Context<'_>,
    ) -> Result<(), CommandError> {
        let (trust, _) = self.shown_key(account)?;
        let trust = ContactTrust { verified_at: None, ..trust };
        self.decide(account, trust, Notice::VerificationWithdrawn { account_id: account }, cx);
        Ok(())
    }

    /// Goes on with a changed key without comparing it.
    ///
    /// # Errors
    /// [`CommandErrorCode::KeyChanged`] when `fingerprint` is not the one to be shown now.
    pub fn accept_key(
        &mut self,
        account: AccountId,
        fingerprint: &str,
        cx: &mut Context<'_>,
    ) -> Result<(), CommandError> {
        self.require_shown(account, fingerprint)?;
        let (_, identity_key) = self.shown_key(account)?;
        let trust = ContactTrust { identity_key, verified_at: None, changed_key: None };
        self.decide(account, trust, Notice::VerificationWithdrawn { account_id: account }, cx);
        Ok(())
    }

    /// Compares a scanned code byte for byte; a match is saved as verified.
    ///
    /// # Errors
    /// [`CommandErrorCode::NotFound`].
    pub fn scan_qr(
        &mut self,
        account: AccountId,
        payload: &str,
        cx: &mut Context<'_>,
    ) -> Result<ScanOutcome, CommandError> {
        let [own, theirs] = self.fingerprints(account)?;
        let outcome = match compare_qr(payload, &own, &theirs) {
            QrVerdict::Malformed => ScanOutcome::NotSotto,
            QrVerdict::Match => ScanOutcome::Match,
            QrVerdict::Mismatch(_) => ScanOutcome::Mismatch,
            QrVerdict::NotForUs => ScanOutcome::OtherPerson,
        };
        if outcome == ScanOutcome::Match {
            self.confirm_match(account, &hex(&theirs.fingerprint), cx)?;
        }
        Ok(outcome)
    }

    fn require_shown(&self, account: AccountId, fingerprint: &str) -> Result<(), CommandError> {
        let [_, theirs] = self.fingerprints(account)?;
        if hex(&theirs.fingerprint) == fingerprint {
            Ok(())
        } else {
            Err(CommandErrorCode::KeyChanged.into())
        }
    }

    fn decide(&mut self, account: AccountId, trust: ContactTrust, notice: Notice, cx: &mut Context<'_>) {
        self.change_contact(account, |contact, now| contact.set_trust(trust, now), cx);
        for group in self.groups_with(account) {
            self.write_notice(group, notice, cx);
            self.flush(group, cx);
        }
        self.show_contact(account);
        self.session_tick(cx);
    }
}

/// All 64 hex digits, without spaces.
fn hex(fingerprint: &Fingerprint) -> String {
    fingerprint.whole().replace(' ', "")
}

/// A face's colour until the contact tells its own.
fn colour_of(account: AccountId) -> u8 {
    account.as_bytes().first().map_or(0, |byte| byte % super::COLOURS)
}
