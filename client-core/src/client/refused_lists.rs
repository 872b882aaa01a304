//! Device lists that were refused: told to the person, and sending to the contact waits until the relay gives the right
//! list again or the person decides (K-2, check 5: a local judgement, so nobody else's group is touched by it).

use protocol::{AccountId, accounts::DirectoryEntry};

use super::{
    Client, CommandError, CommandErrorCode, Context, ListFault, Notice, RefusedListView,
    stored::{self, ContactRecord, RefusedList},
};
use crate::device_list::{ChainError, DeviceListChain, IdentityRule, VerifiedDeviceList};

/// A list that is signed, and is this account's.
pub(super) fn verify_list(account: AccountId, bytes: &[u8]) -> Result<VerifiedDeviceList, ListFault> {
    let list = VerifiedDeviceList::verify(bytes).map_err(|_| ListFault::BadlySigned)?;
    if list.body().account == account { Ok(list) } else { Err(ListFault::AnotherIdentity) }
}

impl From<&ChainError> for ListFault {
    fn from(error: &ChainError) -> Self {
        match error {
            ChainError::OtherAccount | ChainError::IdentityChanged => Self::AnotherIdentity,
            ChainError::Rollback { .. } | ChainError::RootRollback => Self::RolledBack,
            ChainError::Fork => Self::Forked,
            ChainError::DeviceRevived(_) | ChainError::DeviceChanged(_) | ChainError::DeviceVanished(_) => {
                Self::Inconsistent
            }
        }
    }
}

impl From<RefusedList> for RefusedListView {
    fn from(refused: RefusedList) -> Self {
        Self { fault: refused.fault, heeded: refused.heeded }
    }
}

impl ContactRecord {
    pub(super) fn sending_waits(&self) -> bool {
        self.refused.is_some_and(|refused| !refused.heeded)
    }
}

impl Client {
    pub(super) fn save_contact(&mut self, record: ContactRecord, cx: &mut Context<'_>) {
        self.journal.put(stored::contact_key(record.account_id), &record, cx.rng);
        self.device_lists.insert(record.account_id, record);
    }

    /// A contact's list was refused. Answers may overtake each other, so it is asked for once more before anybody is
    /// told; the known list stays.
    pub(super) fn refuse_list(
        &mut self,
        account: AccountId,
        fault: ListFault,
        bytes: &[u8],
        cx: &mut Context<'_>,
    ) -> CommandError {
        let refusal = CommandErrorCode::RelayMisbehaved.into();
        if !self.contacts.contains_key(&account) {
            return refusal;
        }
        if self.doubted.insert(account) {
            self.fetch_account(account);
            return refusal;
        }
        self.doubted.remove(&account);
        let known = self.device_lists.get(&account);
        let before = known.and_then(|record| record.refused);
        let refused = RefusedList { fault, hash: stored::Hash(stored::hash(bytes)), heeded: false };
        if before.is_some_and(|before| before.hash == refused.hash) {
            return refusal;
        }
        let (device_list, revocations) =
            known.map(|record| (record.device_list.clone(), record.revocations.clone())).unwrap_or_default();
        let refused = Some(refused);
        self.save_contact(ContactRecord { account_id: account, device_list, refused, revocations }, cx);
        for group in self.groups_with(account) {
            self.write_notice(group, Notice::DeviceListRefused { account_id: account, fault }, cx);
        }
        self.show_contact(account);
        refusal
    }

    /// The relay gave a list that follows the known one.
    pub(super) fn list_accepted(&mut self, account: AccountId, was_refused: bool, cx: &mut Context<'_>) {
        self.doubted.remove(&account);
        if was_refused {
            for group in self.groups_with(account) {
                self.write_notice(group, Notice::DeviceListRepaired { account_id: account }, cx);
            }
            self.show_contact(account);
        }
    }

    /// The person goes on with the list that is known here, whatever the relay says.
    ///
    /// # Errors
    /// [`CommandErrorCode::NotFound`] when no list of the contact is refused.
    pub fn heed_refused_list(
        &mut self,
        account: AccountId,
        cx: &mut Context<'_>,
    ) -> Result<(), CommandError> {
        let record = self.device_lists.get(&account).cloned().ok_or(CommandErrorCode::NotFound)?;
        let refused = record.refused.ok_or(CommandErrorCode::NotFound)?;
        let refused = Some(RefusedList { heeded: true, ..refused });
        self.save_contact(ContactRecord { refused, ..record }, cx);
        for group in self.groups_with(account) {
            self.flush(group, cx);
        }
        self.show_contact(account);
        self.session_tick(cx);
        Ok(())
    }

    // ---- one's own list

    pub(super) fn take_own_list(&mut self, entry: &DirectoryEntry, cx: &mut Context<'_>) {
        let Some(account) = &mut self.account else { return };
        let Ok(known) = VerifiedDeviceList::verify(&account.device_list) else {
            return;
        };
        let accepted = verify_list(entry.account_id, &entry.device_list).and_then(|offered| {
            DeviceListChain::start(known)
                .check(&offered, IdentityRule::Pinned)
                .map_err(|error| (&error).into())
                .map(|_| offered)
        });
        let offered = match accepted {
            Ok(offered) => offered,
            Err(fault) => return self.refuse_own_list(fault, &entry.device_list, cx),
        };
        let revocations = Self::verified_revocations(&offered, &entry.revocations);
        let changed = account.device_list != offered.encoded() || account.revocations != revocations;
        account.revocations = revocations;
        self.own_list_accepted(cx);
        if changed {
            self.adopt_list(&offered, cx);
            self.tend_self(cx);
            self.fetch_devices();
        }
    }

    fn refuse_own_list(&mut self, fault: ListFault, bytes: &[u8], cx: &mut Context<'_>) {
        let Ok(own) = self.own_account() else { return };
        if self.doubted.insert(own) {
            return self.fetch_account(own);
        }
        self.doubted.remove(&own);
        let Some(account) = &mut self.account else { return };
        let refused = RefusedList { fault, hash: stored::Hash(stored::hash(bytes)), heeded: false };
        if account.refused_list != Some(refused) {
            account.refused_list = Some(refused);
            self.save_account(cx);
            self.emit_profile();
        }
    }

    fn own_list_accepted(&mut self, cx: &mut Context<'_>) {
        let Some(account) = &mut self.account else { return };
        self.doubted.remove(&account.account_id);
        if account.refused_list.take().is_some() {
            self.save_account(cx);
            self.emit_profile();
        }
    }
}
